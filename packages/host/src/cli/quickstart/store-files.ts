import { createReadStream } from 'node:fs';
import { inParallel } from './in-parallel.js';
import type { QuickstartNode } from './quickstart-node.js';
import { concurrency, type QuickstartRun } from './quickstart-run.js';
import { retryWrite } from './retry-write.js';

/** What storing the files came to. */
export interface StoreOutcome {
  readonly objectCount: number;
  readonly sizeBytes: number;
  readonly synchronousCount: number;
  readonly retriedCount: number;
}

/** Longest that one write may be tried. */
export const writeTimeoutMs = 60_000;

/** Puts every file through the nodes in turn. */
export async function storeFiles(
  run: QuickstartRun,
  nodes: readonly QuickstartNode[],
): Promise<StoreOutcome> {
  const { files } = run.source;
  const sizeBytes = files.reduce((sum, file) => sum + file.sizeBytes, 0);
  const unconfirmed: string[] = [];
  let storedCount = 0;
  let retriedCount = 0;
  using progress = run.output.progress('  storing', sizeBytes, 'bytes');
  await inParallel(files.entries(), concurrency, async ([turn, file]) => {
    const onRetry = (): void => void (retriedCount += 1);
    const options = { signal: run.signal, timeoutMs: writeTimeoutMs, onRetry };
    const confirmedBy = await retryWrite(
      nodes,
      turn,
      (node) => node.objects.put(file, createReadStream(file.path)),
      options,
    );
    storedCount += 1;
    const hasAll = new Set(confirmedBy).size >= nodes.length - 1;
    if (file.isSynchronous && !hasAll) {
      unconfirmed.push(`${file.path} was confirmed by ${confirmedBy.join(', ') || 'nobody'}`);
    }
    progress.advance(file.sizeBytes);
  });
  const missingCount = files.length - storedCount;
  run.checks.record('everyFileStored', missingCount === 0 ? [] : [`${missingCount} are missing`]);
  run.checks.record('synchronousWritesConfirmedByAll', unconfirmed);
  const synchronousCount = files.filter((file) => file.isSynchronous).length;
  return { objectCount: storedCount, sizeBytes, synchronousCount, retriedCount };
}
