import type { Clock } from '@datawarehouse/sdk';
import { isAborted, Wakeup } from '../queue/wakeup.js';
import type { Replica } from './replica-registry.js';

/** What a {@link ReplicaProbe} works with. */
export interface ReplicaProbeOptions {
  readonly clock: Clock;
  /** Time between two probes of an active replica, in milliseconds. */
  readonly intervalMs: number;
  /** Asks the replica; rejects where it does not answer. */
  readonly ask: (signal: AbortSignal) => Promise<void>;
  readonly replica: () => Replica | undefined;
  readonly onDidSucceed: () => void;
  readonly onDidFail: (error: unknown) => void;
  /** Source of numbers from 0 to 1. */
  readonly random?: () => number;
}

/** Between probes of a replica that something else found silent. */
const suspectIntervalMs = 250;
/** Most time between probes of an inactive replica. */
const maxInactiveIntervalMs = 5_000;

/** Asks one replica now and then whether it is there, and sooner when there is a doubt. */
export class ReplicaProbe {
  readonly #options: ReplicaProbeOptions;
  readonly #wakeup: Wakeup;
  readonly #stopping = new AbortController();
  #isSuspect = false;
  #running: Promise<void> | undefined;

  constructor(options: ReplicaProbeOptions) {
    this.#options = options;
    this.#wakeup = new Wakeup(options.clock);
  }

  start(): void {
    this.#running ??= this.#run(this.#stopping.signal);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  /** Asks at once, and again shortly while there is no answer. */
  suspect(): void {
    this.#isSuspect = true;
    this.#wakeup.notify();
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { ask, onDidSucceed, onDidFail } = this.#options;
    while (!signal.aborted) {
      try {
        await ask(signal);
        this.#isSuspect = false;
        onDidSucceed();
      } catch (error) {
        if (isAborted(signal)) return;
        onDidFail(error);
      }
      await this.#wakeup.sleep(this.#nextMs(), signal);
    }
  }

  #nextMs(): number {
    const { replica, intervalMs, random = Math.random } = this.#options;
    const { isActive = true, consecutiveFailures = 0 } = replica() ?? {};
    // Spread, so that the probes of many nodes do not fall together.
    const spread = intervalMs * (0.8 + 0.4 * random());
    if (isActive) return this.#isSuspect ? Math.min(suspectIntervalMs, spread) : spread;
    const backoff = suspectIntervalMs * 2 ** Math.min(consecutiveFailures, 10);
    return Math.min(spread, maxInactiveIntervalMs, backoff * (0.5 + random()));
  }
}
