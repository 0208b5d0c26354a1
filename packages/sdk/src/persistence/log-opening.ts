import { systemClock } from '../plugin/clock.js';
import { LogConsumers, loadOffsets } from './log-consumers.js';
import type { LogExtent } from './log-extent.js';
import { LogFrames } from './log-frames.js';
import type { WriteAheadLogOptions } from './log-options.js';
import { recoverLog } from './log-recovery.js';
import { LogTimes } from './log-times.js';

/** What a log is made of, as its store had it. */
export interface LogParts {
  readonly frames: LogFrames;
  readonly extent: LogExtent;
  readonly consumers: LogConsumers;
  readonly times: LogTimes;
  readonly metaPath: string;
}

/** Reads a log's consumers and recovers its head; makes an empty log where there is none. */
export async function openLogParts(options: WriteAheadLogOptions): Promise<LogParts> {
  const { store, path, offsetsPath, durability = 'disk', clock = systemClock } = options;
  const frames = new LogFrames(store, path);
  const times = new LogTimes();
  const metaPath = `${path}/meta`;
  const offsets = await loadOffsets(store, offsetsPath);
  const confirmedIn = (epoch: string): number =>
    [...offsets.values()].reduce(
      (most, position) => (position.epoch === epoch ? Math.max(most, position.sequence) : most),
      0,
    );
  const extent = await recoverLog({ store, metaPath, frames, times, durability, confirmedIn });
  const consumers = new LogConsumers({
    ...{ store, offsetsPath, durability, clock, extent, times, offsets },
  });
  return { frames, extent, consumers, times, metaPath };
}
