import { scalingError } from '../errors/scaling-errors.js';
import type { Clock } from '../plugin/clock.js';
import type {
  BackingStoreOperation,
  Durability,
  IPersistentBackingStore,
} from './persistent-backing-store.js';

/** Limits of a log that may change while it is open. */
export interface WriteAheadLogLimits {
  /**
   * Most entries that a registered consumer may not have confirmed before appends are refused;
   * 0 for no limit.
   * @defaultValue 0
   */
  readonly maxHeldEntries?: number;
  /**
   * Most bytes held; beyond it the oldest entries go, confirmed or not. 0 for no limit.
   * @defaultValue 0
   */
  readonly maxHeldBytes?: number;
  /**
   * Age in milliseconds at which entries go, confirmed or not.
   * @defaultValue 172800000 (48 hours)
   */
  readonly retentionMs?: number;
}

/** Options of {@link WriteAheadLog.open}. */
export interface WriteAheadLogOptions extends WriteAheadLogLimits {
  /** Holds the log. Stays open when the log is closed. */
  readonly store: IPersistentBackingStore;
  /** Where the frames are, such as `storePath('replication', 'wal')`. One open log a path. */
  readonly path: string;
  /** Where the consumers' offsets are, such as `storePath('replication', 'offsets')`. */
  readonly offsetsPath: string;
  /**
   * Largest entry in bytes.
   * @defaultValue 1048576
   */
  readonly maxEntryBytes?: number;
  /**
   * What appended entries and offsets survive.
   * @defaultValue 'disk'
   */
  readonly durability?: Durability;
  readonly clock?: Clock;
}

/** Options of {@link WriteAheadLog.append}. */
export interface LogAppendOptions {
  /** Changes to the store that become durable together with the entry, or not at all. */
  readonly operations?: readonly BackingStoreOperation[];
  /** Takes the append back while it waits; what is being written cannot be taken back. */
  readonly signal?: AbortSignal;
}

/** A consumer has lost entries that it had not confirmed. */
export interface LogTruncation {
  readonly consumerId: string;
  /** First sequence still held. */
  readonly firstSequence: number;
}

/** What a log has done since it was opened, and holds now. */
export interface WriteAheadLogStatistics {
  readonly appendedCount: number;
  readonly readCount: number;
  readonly commitCount: number;
  readonly heldEntries: number;
  readonly heldBytes: number;
  /** Trims that ran by themselves and failed; the next one makes up for them. */
  readonly failedTrimCount: number;
  /** Times that a consumer lost entries that it had not confirmed. */
  readonly truncationCount: number;
  /** Reads that met damage in the middle of the log. */
  readonly gapCount: number;
}

const defaults: Required<WriteAheadLogLimits> = {
  maxHeldEntries: 0,
  maxHeldBytes: 0,
  retentionMs: 48 * 3_600_000,
};

/**
 * Puts changes over limits.
 *
 * @throws {@link DwError} `DW_SCALING_INVALID_LIMITS`.
 */
export function resolveLogLimits(
  changes: WriteAheadLogLimits,
  base: Required<WriteAheadLogLimits> = defaults,
): Required<WriteAheadLogLimits> {
  const limits = {
    maxHeldEntries: changes.maxHeldEntries ?? base.maxHeldEntries,
    maxHeldBytes: changes.maxHeldBytes ?? base.maxHeldBytes,
    retentionMs: changes.retentionMs ?? base.retentionMs,
  };
  for (const [name, value] of Object.entries(limits)) {
    if (Number.isSafeInteger(value) && value >= 0) continue;
    throw scalingError('DW_SCALING_INVALID_LIMITS', {
      message: `${name} of a log must be a whole number from 0 on`,
      details: { name, value },
    });
  }
  return Object.freeze(limits);
}
