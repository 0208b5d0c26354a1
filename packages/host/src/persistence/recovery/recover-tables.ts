import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceFile } from '../replace-file.js';
import { writeLogFile } from './log-file.js';
import { manifestRecord, type TableRecord } from './manifest.js';
import type { OpenManifest } from './open-manifest.js';
import type { RecoveryStep } from './recover-store.js';
import type { KeyRange } from './store-recovery.js';
import { userKey } from './table-blocks.js';
import { checkTable, type LostRange } from './table-file.js';

/** Options of {@link recoverTables}. */
export interface RecoverTablesOptions {
  readonly maxVerifiedBytes: number;
  readonly addRanges: (ranges: readonly KeyRange[]) => Promise<void>;
}

/** Verifies tables, and puts what is sound of a damaged one in its place. */
export async function recoverTables(
  step: RecoveryStep,
  { name, content }: OpenManifest,
  { maxVerifiedBytes, addRanges }: RecoverTablesOptions,
): Promise<{ readonly verifiedBytes: number; readonly unverifiedBytes: number }> {
  const tables: TableRecord[] = [];
  let verifiedBytes = 0;
  let unverifiedBytes = 0;
  for (const table of fromAnywhere(content.tables)) {
    if (verifiedBytes + table.sizeBytes > maxVerifiedBytes && verifiedBytes > 0) {
      unverifiedBytes += table.sizeBytes;
      tables.push(table);
    } else {
      verifiedBytes += table.sizeBytes;
      const recovered = await recoverTable(step, table, addRanges);
      if (recovered !== undefined) tables.push(recovered);
    }
  }
  const isChanged =
    tables.length < content.tables.length ||
    tables.some((table) => !content.tables.includes(table));
  if (isChanged) {
    const record = manifestRecord({ ...content, tables });
    await replaceFile(join(step.directory, name), writeLogFile([record]));
  }
  return { verifiedBytes, unverifiedBytes };
}

/** Begins at a random place: where not all can be verified, others are at the next opening. */
function fromAnywhere(tables: readonly TableRecord[]): readonly TableRecord[] {
  const start = Math.floor(Math.random() * tables.length);
  return [...tables.slice(start), ...tables.slice(0, start)];
}

/** @returns the table as it is now; `undefined` where nothing of it is left. */
async function recoverTable(
  step: RecoveryStep,
  table: TableRecord,
  addRanges: (ranges: readonly KeyRange[]) => Promise<void>,
): Promise<TableRecord | undefined> {
  const name = step.files.tables.get(table.number);
  if (name === undefined) {
    await reportMissing(step, table, addRanges);
    return undefined;
  }
  const file = join(step.directory, name);
  const bytes = await readFile(file);
  const { isSound, lost, rebuilt } = checkTable(bytes);
  // A recovery that was broken off has put the table in its place already.
  if (isSound) return bytes.length === table.sizeBytes ? table : resized(table, bytes);
  const ranges = lost.map((range) => withinTable(range, table));
  const keptAs = await step.damaged.keep(file, name);
  await addRanges(ranges);
  const isLossless = ranges.length === 0;
  step.found({
    kind: isLossless ? 'repaired' : 'lost',
    file: name,
    message: isLossless
      ? `Damage in ${name} was undone`
      : `${name} is damaged: ${ranges.length} ranges of paths cannot be trusted`,
    keptAs,
    ranges,
  });
  if (rebuilt === undefined) return undefined;
  await replaceFile(file, rebuilt);
  return resized(table, rebuilt);
}

async function reportMissing(
  step: RecoveryStep,
  table: TableRecord,
  addRanges: (ranges: readonly KeyRange[]) => Promise<void>,
): Promise<void> {
  const file = `${String(table.number).padStart(6, '0')}.ldb`;
  const ranges = [withinTable({ from: undefined, to: undefined }, table)];
  await addRanges(ranges);
  const message = `${file} is missing: what it held cannot be trusted`;
  step.found({ kind: 'lost', file, message, keptAs: undefined, ranges });
}

function resized(table: TableRecord, { length }: Uint8Array): TableRecord {
  return { ...table, sizeBytes: length };
}

function withinTable({ from, to }: LostRange, table: TableRecord): KeyRange {
  return { from: from ?? userKey(table.smallest), to: to ?? userKey(table.largest) };
}
