import { inParallel } from './in-parallel.js';
import type { ListedObject, ObjectClient, ObjectName } from './object-client.js';
import { concurrency, type QuickstartRun } from './quickstart-run.js';
import { waitUntil } from './wait-until.js';

/** A node, as far as comparing needs it. */
export interface ComparedNode {
  readonly name: string;
  readonly nodeId: string;
  readonly objects: ObjectClient;
}

/** What an object must be on every node. */
export interface ExpectedObject extends ObjectName {
  /** Digest of its bytes; `undefined` where it must be gone. */
  readonly sha256: string | undefined;
}

/** Most problems that are told one by one. */
const maxProblems = 10;

const settleTimeoutMs = 60_000;

/** Waits until every node has confirmed what every other has written. */
export async function waitUntilSettled(
  run: Pick<QuickstartRun, 'output' | 'signal'>,
  nodes: readonly ComparedNode[],
): Promise<void> {
  for (const node of nodes) {
    await waitUntil(
      async () => {
        const replicas = await node.objects.replicas();
        const isSettled = replicas.every(
          ({ active, lag, resynchronising }) => active && lag === 0 && !resynchronising,
        );
        return isSettled && replicas.length === nodes.length - 1 ? true : undefined;
      },
      {
        what: `what ${node.name} wrote to arrive everywhere`,
        timeoutMs: settleTimeoutMs,
        signal: run.signal,
      },
    );
  }
}

/** Log entries that the nodes hold for others: for all of them, or for one. */
export async function lagOf(
  nodes: readonly ComparedNode[],
  options: { readonly of?: ComparedNode } = {},
): Promise<number> {
  let sum = 0;
  for (const node of nodes) {
    for (const { nodeId, lag } of await node.objects.replicas()) {
      if (options.of === undefined || nodeId === options.of.nodeId) sum += lag;
    }
  }
  return sum;
}

/** Reads every object from every node, and tells what is not as it must be. */
export async function compareObjects(
  run: Pick<QuickstartRun, 'output' | 'signal'>,
  nodes: readonly ComparedNode[],
  expected: readonly ExpectedObject[],
): Promise<readonly string[]> {
  const problems = new ProblemList();
  using progress = run.output.progress('  reading', expected.length * nodes.length, 'items');
  const pairs = nodes.flatMap((node) => expected.map((object) => ({ node, object })));
  await inParallel(pairs, concurrency, async ({ node, object }) => {
    const found = await node.objects.sha256(object);
    if (found !== object.sha256) {
      const what = `${object.namespace} ${object.key} on ${node.name}`;
      problems.add(`${what} is ${found ?? 'missing'} instead of ${object.sha256 ?? 'missing'}`);
    }
    progress.advance(1);
  });
  return problems.told;
}

/** Lists every node, and tells where they differ from one another or from what is expected. */
export async function compareListings(
  nodes: readonly ComparedNode[],
  expected: readonly ExpectedObject[],
): Promise<readonly string[]> {
  const problems = new ProblemList();
  const present = expected.filter((object) => object.sha256 !== undefined);
  const names = new Set(present.map(nameOf));
  let first: ReadonlyMap<string, string> | undefined;
  for (const node of nodes) {
    const listed = new Map<string, string>();
    for await (const object of node.objects.list()) listed.set(nameOf(object), stateOf(object));
    for (const name of names) {
      if (!listed.has(name)) problems.add(`${node.name} does not list ${name}`);
    }
    for (const [name, state] of listed) {
      if (!names.has(name)) problems.add(`${node.name} lists ${name}, which is not there`);
      else if ((first?.get(name) ?? state) !== state) {
        problems.add(`${node.name} lists ${name} as ${state}, and the first as another`);
      }
    }
    first ??= listed;
  }
  return problems.told;
}

function nameOf({ namespace, key }: ObjectName): string {
  return JSON.stringify([namespace, key]);
}

function stateOf({ version, digest, sizeBytes }: ListedObject): string {
  return `${version} ${digest} ${sizeBytes}`;
}

/** A few problems in full, and how many more there are. */
class ProblemList {
  readonly #problems: string[] = [];
  #count = 0;

  add(problem: string): void {
    this.#count += 1;
    if (this.#problems.length < maxProblems) this.#problems.push(problem);
  }

  get told(): readonly string[] {
    const more = this.#count - this.#problems.length;
    return more === 0 ? this.#problems : [...this.#problems, `and ${more} more`];
  }
}
