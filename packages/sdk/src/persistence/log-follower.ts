import { DwError } from '../errors/dw-error.js';
import type { LogConsumers } from './log-consumers.js';
import type { LogEntry, LogReadOptions } from './log-reader.js';

/** How a log is followed. */
export interface LogFollowOptions {
  /** Epoch that `from` belongs to: following rejects where the log is in another. */
  readonly epoch?: string;
  /** Ends the loop by rejecting with `signal.reason`, also while it waits. */
  readonly signal?: AbortSignal;
}

/** What a follower needs of its log. */
export interface FollowedLog {
  read(from: number, options: LogReadOptions): Promise<readonly LogEntry[]>;
  waitForAppend(after: number, options: { readonly signal?: AbortSignal }): Promise<void>;
}

/** Most that is read ahead of the loop. */
const readAhead = { limitEntries: 4_096, limitBytes: 1_048_576 };

/** Yields every entry from a sequence on, and waits for more at the head. */
export async function* followLog(
  log: FollowedLog,
  from: number,
  options: LogFollowOptions,
): AsyncGenerator<LogEntry, never> {
  const { signal } = options;
  const waiting = signal === undefined ? {} : { signal };
  for (let next = from; ; ) {
    const entries = await log.read(next, { ...readAhead, ...options });
    for (const entry of entries) {
      signal?.throwIfAborted();
      yield entry;
    }
    next += entries.length;
    if (entries.length === 0) await log.waitForAppend(next - 1, waiting);
  }
}

/** Follows a log for a registered consumer, which is told of each loss once. */
export async function* consumeLog(
  log: FollowedLog,
  consumers: LogConsumers,
  id: string,
  options: Pick<LogFollowOptions, 'signal'>,
): AsyncGenerator<LogEntry, never> {
  options.signal?.throwIfAborted();
  try {
    return yield* followLog(log, consumers.resume(id), options);
  } catch (error) {
    // What it had not read yet went while it was reading.
    if (DwError.is(error, 'DW_LOG_TRUNCATED')) {
      consumers.noteTold(id, Number(error.details.firstSequence));
    }
    throw error;
  }
}
