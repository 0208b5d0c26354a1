import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceFile } from '../replace-file.js';
import { type LogFileDamage, readLogFile, writeLogFile } from './log-file.js';
import type { Manifest } from './manifest.js';
import type { RecoveryStep } from './recover-store.js';
import type { KeyRange } from './store-recovery.js';
import { writtenKeys } from './write-batch.js';

/** Verifies the logs that LevelDB is going to replay. @returns how many bytes they have. */
export async function recoverLogs(
  step: RecoveryStep,
  manifest: Manifest,
  addRanges: (ranges: readonly KeyRange[]) => Promise<void>,
): Promise<number> {
  let sizeBytes = 0;
  for (const [number, name] of step.files.logs) {
    if (number < manifest.logNumber && number !== manifest.previousLogNumber) continue;
    sizeBytes += await recoverLog(step, name, addRanges);
  }
  return sizeBytes;
}

async function recoverLog(
  step: RecoveryStep,
  name: string,
  addRanges: (ranges: readonly KeyRange[]) => Promise<void>,
): Promise<number> {
  const file = join(step.directory, name);
  const bytes = await readFile(file);
  const { records, damages, repairedCount } = readLogFile(bytes);
  if (damages.length === 0 && repairedCount === 0) return bytes.length;
  const ranges: KeyRange[] = [];
  if (repairedCount > 0) {
    const keptAs = await step.damaged.keep(file, name);
    const message = `Flipped bits in ${name} were flipped back`;
    step.found({ kind: 'repaired', file: name, message, keptAs, ranges: [] });
  }
  for (const damage of damages) {
    const keptAs = await step.damaged.keep(file, `${name}-${damage.offset}`, damage.bytes);
    if (damage.isTail) {
      const message = `The last write in ${name}, ${damage.bytes.length} bytes, was not whole`;
      step.found({ kind: 'tornTail', file: name, message, keptAs, ranges: [] });
    } else {
      const lost = lostKeys(damage);
      ranges.push(...lost.ranges);
      step.found({ kind: 'lost', file: name, keptAs, ...lost });
    }
  }
  await addRanges(ranges);
  await replaceFile(file, writeLogFile(records));
  return bytes.length;
}

function lostKeys({ offset, bytes, payload }: LogFileDamage): {
  readonly message: string;
  readonly ranges: readonly KeyRange[];
} {
  const { keys, isComplete } = writtenKeys(payload);
  const others = isComplete ? '' : ', and others that cannot be told';
  const message = `A write of ${bytes.length} bytes at ${offset} is damaged: ${keys.length} paths${others}`;
  return {
    message,
    ranges: keys.map((key) => ({ from: Buffer.from(key), to: Buffer.from(key) })),
  };
}
