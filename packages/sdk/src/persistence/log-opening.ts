import { Listeners } from '../concurrency/listeners.js';
import { systemClock } from '../plugin/clock.js';
import { LogConsumers, loadOffsets } from './log-consumers.js';
import type { LogExtent } from './log-extent.js';
import { LogFrames } from './log-frames.js';
import {
  type LogTruncation,
  resolveLogLimits,
  type WriteAheadLogLimits,
  type WriteAheadLogOptions,
  type WriteAheadLogStatistics,
} from './log-options.js';
import { LogReader } from './log-reader.js';
import { type LogRecovery, recoverLog } from './log-recovery.js';
import { LogRetention } from './log-retention.js';
import { LogTimes } from './log-times.js';
import { LogWaiters } from './log-waiters.js';
import { LogWriter } from './log-writer.js';

/** An open log, taken apart. */
export interface LogParts {
  readonly extent: LogExtent;
  readonly recovery: LogRecovery;
  readonly consumers: LogConsumers;
  readonly retention: LogRetention;
  readonly reader: LogReader;
  readonly writer: LogWriter;
  readonly waiters: LogWaiters;
  readonly truncations: Listeners<LogTruncation>;
  readonly maxEntryBytes: number;
  limits: Required<WriteAheadLogLimits>;
  readonly statistics: () => WriteAheadLogStatistics;
}

/** Reads a log's consumers and recovers its head; makes an empty log where there is none. */
export async function openLogParts(options: WriteAheadLogOptions): Promise<LogParts> {
  const { store, path, offsetsPath, durability = 'disk', clock = systemClock } = options;
  const limits = resolveLogLimits(options);
  const frames = new LogFrames(store, path);
  const times = new LogTimes();
  const metaPath = `${path}/meta`;
  const offsets = await loadOffsets(store, offsetsPath);
  const confirmedIn = (epoch: string): number =>
    [...offsets.values()].reduce(
      (most, position) => (position.epoch === epoch ? Math.max(most, position.sequence) : most),
      0,
    );
  const { extent, recovery, tail } = await recoverLog({
    ...{ store, metaPath, frames, times, durability, confirmedIn, hasConsumers: offsets.size > 0 },
  });
  const consumers = new LogConsumers({
    ...{ store, offsetsPath, durability, clock, extent, times, offsets },
  });
  const counts = { appended: 0, commits: 0, truncations: 0 };
  const waiters = new LogWaiters();
  const truncations = new Listeners<LogTruncation>('onDidTruncate');
  const retention = new LogRetention({
    ...{ store, metaPath, frames, extent, consumers, clock },
    limits: () => parts.limits,
    onTrim: (tailSequence, truncatedIds) => {
      times.forget(tailSequence);
      counts.truncations += truncatedIds.length;
      for (const consumerId of truncatedIds) {
        truncations.emit({ consumerId, firstSequence: tailSequence });
      }
    },
  });
  const reader = new LogReader(frames, extent, retention);
  const writer = new LogWriter({
    ...{ store, frames, extent, durability, clock },
    onCommit: (frame) => {
      counts.commits += 1;
      counts.appended += frame.count;
      times.add(frame.firstSequence, frame.appendedAtMs, frame.startBytes);
      waiters.wake(frame.lastSequence);
      retention.noteCommit(frame);
    },
  });
  const parts: LogParts = {
    ...{ extent, recovery, consumers, retention, reader, writer, waiters, truncations, limits },
    maxEntryBytes: options.maxEntryBytes ?? 1_048_576,
    statistics: () => ({
      appendedCount: counts.appended,
      readCount: reader.readCount,
      commitCount: counts.commits,
      heldEntries: extent.heldEntries,
      heldBytes: extent.heldBytes,
      failedTrimCount: retention.failureCount,
      truncationCount: counts.truncations,
      gapCount: reader.gapCount,
    }),
  };
  retention.begin(tail);
  return parts;
}
