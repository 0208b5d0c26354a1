import { mergeVersions } from '../conflict/version-merge.js';
import type { ObjectRecord } from '../objects/object-record.js';
import { contextOf } from '../objects/object-state.js';
import { compareVersions, type ObjectVersion } from '../objects/object-version.js';

const nodeIds = ['n1', 'n2', 'n3'] as const;

/** Choices up to this number make every step that there is. */
export const MAX_HISTORY_CHOICE = 1_151;

type Step =
  | {
      readonly type: 'write';
      readonly node: number;
      /** Whether the write leaves concurrent versions beside it. */
      readonly keepsSiblings: boolean;
      /** How many steps old the context is that the writer had read on its node. */
      readonly age: number;
      readonly content: string | undefined;
      readonly skewMs: number;
    }
  | { readonly type: 'deliver'; readonly from: number; readonly to: number };

/** Versions of one object as nodes may really write them, and the state that each node ends with. */
export interface VersionHistory {
  readonly versions: readonly ObjectRecord[];
  readonly states: readonly (readonly ObjectRecord[])[];
}

/** Plays three nodes that write, and get what the others wrote, each node's in order. */
export function historyOf(choices: readonly number[]): VersionHistory {
  return play(choices.map(stepOf));
}

function stepOf(choice: number): Step {
  let rest = choice;
  const take = (count: number): number => {
    const taken = rest % count;
    rest = Math.floor(rest / count);
    return taken;
  };
  const node = take(3);
  if (take(2) === 0) return { type: 'deliver', from: node, to: (node + 1 + take(2)) % 3 };
  const content = [undefined, 'a', 'b'][take(3)];
  const [keepsSiblings, age, skewMs] = [take(2) === 1, take(4), take(8)];
  return { type: 'write', node, keepsSiblings, age, content, skewMs };
}

interface Node {
  readonly id: string;
  last: ObjectVersion;
  /** Every state that it has been in; the last one is its state. */
  readonly states: (readonly ObjectRecord[])[];
  readonly log: ObjectRecord[];
  readonly received: Map<Node, number>;
}

function play(steps: readonly Step[]): VersionHistory {
  const nodes = nodeIds.map((id): Node => {
    const last = { physicalMs: 0, logical: 0, nodeId: id };
    return { id, last, states: [[]], log: [], received: new Map() };
  });
  const at = (index: number): Node => nodes[index] ?? fail();
  for (const step of steps) {
    if (step.type === 'write') write(at(step.node), step);
    else if (step.from !== step.to) deliver(at(step.from), at(step.to));
  }
  return {
    versions: nodes.flatMap(({ log }) => log),
    states: nodes.map((node) => node.states.at(-1) ?? []),
  };
}

function write(node: Node, step: Extract<Step, { type: 'write' }>): void {
  const { physicalMs, logical } = node.last;
  const version =
    step.skewMs > 0
      ? { physicalMs: physicalMs + step.skewMs, logical: 0, nodeId: node.id }
      : { physicalMs, logical: logical + 1, nodeId: node.id };
  const seen = node.states.at(-1 - step.age) ?? [];
  const floors = seen.flatMap(({ floor }) => floor ?? []).sort(compareVersions);
  const record: ObjectRecord = {
    ...{ namespace: 'n', key: 'k', version, context: contextOf(seen) },
    floor: step.keepsSiblings ? floors.at(-1) : version,
    payload: step.content === undefined ? undefined : { digest: step.content, sizeBytes: 1 },
    ...{ contentType: undefined, updatedAtMs: 0, strategy: 'asynchronous' },
  };
  node.log.push(record);
  advance(node, [record]);
}

function deliver(from: Node, to: Node): void {
  const at = to.received.get(from) ?? 0;
  const record = from.log[at];
  if (record === undefined) return;
  to.received.set(from, at + 1);
  advance(to, [record]);
}

function advance(node: Node, records: readonly ObjectRecord[]): void {
  const state = mergeVersions(node.states.at(-1) ?? [], records);
  for (const { version } of records) {
    if (compareVersions(version, node.last) > 0) node.last = { ...version, nodeId: node.id };
  }
  node.states.push(state);
}

function fail(): never {
  throw new RangeError('There is no such node');
}
