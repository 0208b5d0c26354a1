import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import {
  compareListings,
  compareObjects,
  type ExpectedObject,
  lagOf,
  waitUntilSettled,
} from './compare-nodes.js';
import { inParallel } from './in-parallel.js';
import type { QuickstartNode } from './quickstart-node.js';
import { concurrency, type QuickstartRun } from './quickstart-run.js';
import { retryWrite } from './retry-write.js';
import type { SourceFile } from './source-files.js';
import { writeTimeoutMs } from './store-files.js';

/** What the outage of a node came to. */
export interface OutageOutcome {
  readonly changedCount: number;
  readonly deletedCount: number;
  /** Writes and deletions that were acknowledged while the node was dead. */
  readonly withoutNodeCount: number;
  /** Writes that had to be tried again. */
  readonly retriedCount: number;
  /** Log entries that waited for the node when it came back. */
  readonly recoveredEntries: number;
  readonly recoveredInMs: number;
}

/** A change of the second batch. */
interface Change extends ExpectedObject {
  readonly file: SourceFile;
  readonly kind: 'changed' | 'deleted' | 'kept';
  /** Bytes that stand before the file's own. */
  readonly prefix: Uint8Array;
}

/** Kills a node in the middle of writes and deletions, and has it catch up. */
export async function outage(
  run: QuickstartRun,
  nodes: readonly QuickstartNode[],
  victim: QuickstartNode,
): Promise<OutageOutcome> {
  const plan = await planChanges(run);
  const changes = plan.filter(({ kind }) => kind !== 'kept');
  const { withoutNodeCount, retriedCount } = await applyChanges(run, nodes, victim, changes);
  const survivors = nodes.filter((node) => node !== victim);
  const recoveredEntries = await lagOf(survivors, { of: victim });
  const startedMs = performance.now();
  await victim.start();
  await waitUntilSettled(run, nodes);
  const recoveredInMs = performance.now() - startedMs;
  run.checks.record('node3CaughtUp', []);
  await verify(run, nodes, plan);
  return {
    changedCount: changes.filter(({ kind }) => kind === 'changed').length,
    deletedCount: changes.filter(({ kind }) => kind === 'deleted').length,
    withoutNodeCount,
    retriedCount,
    recoveredEntries,
    recoveredInMs,
  };
}

/** A third of the files is changed, a third deleted, a third left alone. */
async function planChanges(run: QuickstartRun): Promise<readonly Change[]> {
  const plan: Change[] = [];
  for (const [index, file] of run.source.files.entries()) {
    run.signal.throwIfAborted();
    const { namespace, key } = file;
    const prefix = Buffer.from(`// Changed by the quickstart, number ${index}\n`);
    const common = { namespace, key, file, prefix };
    if (index % 3 === 0) {
      plan.push({ ...common, kind: 'changed', sha256: await sha256Of(prefix, file.path) });
    } else if (index % 3 === 1) plan.push({ ...common, kind: 'deleted', sha256: undefined });
    else plan.push({ ...common, kind: 'kept', sha256: file.sha256 });
  }
  return plan;
}

interface Applied {
  readonly withoutNodeCount: number;
  readonly retriedCount: number;
}

/** Kills the victim with writes of the first half under way; the second half goes on without it. */
async function applyChanges(
  run: QuickstartRun,
  nodes: readonly QuickstartNode[],
  victim: QuickstartNode,
  changes: readonly Change[],
): Promise<Applied> {
  const middle = Math.ceil(changes.length / 2);
  const all = [...changes.entries()];
  let doneCount = 0;
  let retriedCount = 0;
  let killing: Promise<void> | undefined;
  using progress = run.output.progress('  changing', changes.length, 'items');
  const work = async ([turn, change]: readonly [number, Change]): Promise<void> => {
    const onRetry = (): void => void (retriedCount += 1);
    const options = { signal: run.signal, timeoutMs: writeTimeoutMs, onRetry };
    await retryWrite(nodes, turn, (node, attempt) => apply(change, node, attempt), options);
    doneCount += 1;
    progress.advance(1);
    if (doneCount >= middle / 2) killing ??= victim.kill();
  };
  try {
    await inParallel(all.slice(0, middle), concurrency, work);
  } finally {
    await killing;
  }
  const wasDead = !victim.isRunning;
  const doneBefore = doneCount;
  await inParallel(all.slice(middle), concurrency, work);
  const withoutNodeCount = doneCount - doneBefore;
  const isComplete = doneCount === changes.length;
  const held = wasDead && isComplete && withoutNodeCount > 0;
  const problem = `${doneCount} of ${changes.length} done, ${withoutNodeCount} without ${victim.name}`;
  run.checks.record('writesWentOnWithoutNode3', held ? [] : [problem]);
  return { withoutNodeCount, retriedCount };
}

async function apply(change: Change, node: QuickstartNode, attempt: number): Promise<void> {
  if (change.kind === 'deleted') await node.objects.remove(change, { isRepeated: attempt > 0 });
  else await node.objects.put(change, changedBytes(change.prefix, change.file.path));
}

async function verify(
  run: QuickstartRun,
  nodes: readonly QuickstartNode[],
  plan: readonly Change[],
): Promise<void> {
  const present = plan.filter(({ kind }) => kind !== 'deleted');
  const deleted = plan.filter(({ kind }) => kind === 'deleted');
  run.checks.record('changesEqualOnAllNodes', await compareObjects(run, nodes, present));
  run.checks.record('deletionsHoldOnAllNodes', await compareObjects(run, nodes, deleted));
  run.checks.record('listingsEqualOnAllNodes', await compareListings(nodes, plan));
}

async function sha256Of(prefix: Uint8Array, path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of changedBytes(prefix, path)) hash.update(chunk);
  return hash.digest('hex');
}

async function* changedBytes(prefix: Uint8Array, path: string): AsyncGenerator<Uint8Array> {
  yield prefix;
  yield* createReadStream(path) as AsyncIterable<Buffer>;
}
