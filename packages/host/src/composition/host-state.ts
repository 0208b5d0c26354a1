import type { Clock } from '@datawarehouse/sdk';
import type { HostConfiguration } from '../configuration/host-configuration.js';
import type { HostLogger } from '../logging/host-logger.js';
import type { PluginStatus } from '../running/plugin-status.js';
import type { ResourceStack } from '../running/resource-stack.js';

/** What a host is made from. */
export interface HostInputs {
  readonly configuration: HostConfiguration;
  readonly logger: HostLogger;
  readonly clock: Clock;
  /** Takes over every part that is opened. */
  readonly resources: ResourceStack;
  /** Gives the start up. */
  readonly signal?: AbortSignal | undefined;
}

/** Least time that a part gets to close, however little is left for all. */
const leastGraceMs = 1_000;

/** What changes while the host runs, and several of its parts look at. */
export class HostState {
  readonly startedAtMs: number;
  /** Address of the API; empty until it listens. */
  endpoint = '';
  /** Whether all plugins that can have started, and none is stopping. */
  isReady = false;
  /** Whether members know that this node runs, and are told when it stops. */
  isAnnounced = false;
  plugins: () => readonly PluginStatus[] = () => [];
  readonly #clock: Clock;
  #endsAtMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.startedAtMs = clock.now();
  }

  /** From now on the parts close, and have so long for it. */
  beginStop(graceMs: number): void {
    this.isReady = false;
    this.#endsAtMs = this.#clock.monotonicMs() + graceMs;
  }

  /** Time that is left to close. */
  get remainingMs(): number {
    return Math.max(leastGraceMs, Math.ceil(this.#endsAtMs - this.#clock.monotonicMs()));
  }
}
