import type { Clock, Logger } from '@datawarehouse/sdk';
import { isAborted, Wakeup } from '../queue/wakeup.js';

/** What a {@link SyncSchedule} works with. */
export interface SyncScheduleOptions {
  /** Time between two rounds, in milliseconds; 0 for none. */
  readonly intervalMs: number;
  /** The nodes to synchronise with, one after the other. */
  readonly targets: () => readonly string[];
  readonly sync: (nodeId: string, signal: AbortSignal) => Promise<void>;
  readonly clock: Clock;
  readonly logger: Logger;
  /**
   * A round out of turn waits at least so long after the one before, however often it is asked for.
   * @defaultValue 60000
   */
  readonly urgentGapMs?: number;
  /** @defaultValue `Math.random` */
  readonly random?: () => number;
}

/** Share of the interval by which a round may come early or late, so that nodes do not march. */
const jitterRatio = 0.25;
const longestWaitMs = 2_000_000_000;

/** Synchronises with the other nodes from time to time, and sooner where something is damaged. */
export class SyncSchedule {
  readonly #options: SyncScheduleOptions;
  readonly #wakeup: Wakeup;
  readonly #stopping = new AbortController();
  #isUrgent = false;
  #lastAtMs = -Infinity;
  #running: Promise<void> | undefined;

  constructor(options: SyncScheduleOptions) {
    this.#options = options;
    this.#wakeup = new Wakeup(options.clock);
  }

  start(): void {
    if (this.#options.intervalMs > 0) this.#running ??= this.#run(this.#stopping.signal);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#wakeup.notify();
    await this.#running;
  }

  /** Asks for a round soon. */
  urge(): void {
    if (this.#isUrgent) return;
    this.#isUrgent = true;
    this.#wakeup.notify();
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { targets, sync, clock, logger, urgentGapMs = 60_000 } = this.#options;
    let dueAtMs = clock.monotonicMs() + this.#interval();
    while (!isAborted(signal)) {
      const nowMs = clock.monotonicMs();
      const nextAtMs = this.#isUrgent ? Math.min(dueAtMs, this.#lastAtMs + urgentGapMs) : dueAtMs;
      if (nowMs < nextAtMs) {
        await this.#wakeup.sleep(Math.min(longestWaitMs, nextAtMs - nowMs), signal);
        continue;
      }
      this.#isUrgent = false;
      for (const nodeId of targets()) {
        if (isAborted(signal)) return;
        await sync(nodeId, signal).catch((error: unknown) => {
          logger.warn({ error, replica: nodeId }, 'could not synchronise; trying again in turn');
        });
      }
      this.#lastAtMs = clock.monotonicMs();
      dueAtMs = this.#lastAtMs + this.#interval();
    }
  }

  #interval(): number {
    const { intervalMs, random = Math.random } = this.#options;
    return intervalMs * (1 + jitterRatio * (2 * random() - 1));
  }
}
