import { DamagedFolder } from './damaged-folder.js';
import { DamagedRanges } from './damaged-ranges.js';
import { type OpenManifest, openManifest } from './open-manifest.js';
import { recoverLogs } from './recover-logs.js';
import { recoverTables } from './recover-tables.js';
import { StoreFiles } from './store-files.js';
import type { KeyRange, StoreFinding, StoreRecovery } from './store-recovery.js';

/** What the steps of a recovery share. */
export interface RecoveryStep {
  readonly directory: string;
  readonly files: StoreFiles;
  readonly damaged: DamagedFolder;
  readonly found: (finding: StoreFinding) => void;
}

/** Options of {@link recoverStore}. */
export interface RecoverStoreOptions {
  readonly directory: string;
  /** Most bytes of tables that are verified. */
  readonly maxVerifiedBytes: number;
}

/**
 * Looks through the files of a database before LevelDB does.
 *
 * LevelDB, as classic-level opens it, checks no checksum of a table, leaves out what follows damage
 * in a log, and begins anew where it finds no `CURRENT`, all without an error. Here damage is
 * found, undone where it can be, and told; what is lost is written down before LevelDB forgets it.
 *
 * The caller holds the lock of the folder.
 *
 * @throws DwError `DW_STORE_CORRUPT` where the database cannot be opened without losing more.
 */
export async function recoverStore(
  options: RecoverStoreOptions,
): Promise<{ readonly recovery: StoreRecovery; readonly ranges: DamagedRanges }> {
  const { directory, maxVerifiedBytes } = options;
  const ranges = await DamagedRanges.open(directory);
  const files = await StoreFiles.list(directory);
  const findings: StoreFinding[] = [];
  if (files.isNew) {
    return { recovery: { findings, verifiedBytes: 0, unverifiedBytes: 0 }, ranges };
  }
  const step: RecoveryStep = {
    directory,
    files,
    damaged: await DamagedFolder.open(directory),
    found: (finding) => findings.push(finding),
  };
  const manifest: OpenManifest = await openManifest(step);
  const logBytes = await recoverLogs(step, manifest.content, (lost) => ranges.add(lost));
  const addRanges = (lost: readonly KeyRange[]): Promise<void> => ranges.add(lost);
  const tables = await recoverTables(step, manifest, { maxVerifiedBytes, addRanges });
  const verifiedBytes = manifest.sizeBytes + logBytes + tables.verifiedBytes;
  return {
    recovery: { findings, verifiedBytes, unverifiedBytes: tables.unverifiedBytes },
    ranges,
  };
}
