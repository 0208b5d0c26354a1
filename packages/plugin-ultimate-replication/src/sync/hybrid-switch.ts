import type { Clock, Logger } from '@datawarehouse/sdk';
import type { Replica, ReplicaListener } from '../replicas/replica-registry.js';
import type { ReplicationSync } from './replication-sync.js';
import { SyncSchedule } from './sync-schedule.js';

/** What a {@link HybridSwitch} works with. */
export interface HybridSwitchOptions {
  readonly sync: ReplicationSync;
  /** Time between two bundles for a node that cannot be reached; 0 for none. */
  readonly intervalMs: number;
  /** Nodes that cannot be reached. */
  readonly unreachable: () => readonly string[];
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Exchanges bundles with nodes while they cannot be reached: at once when the link is lost, then on
 * an interval; and synchronises over the network once when it is back.
 */
export class HybridSwitch implements ReplicaListener {
  readonly #options: HybridSwitchOptions;
  readonly #schedule: SyncSchedule;
  readonly #returns = new Set<Promise<void>>();
  readonly #stopping = new AbortController();

  constructor(options: HybridSwitchOptions) {
    this.#options = options;
    this.#schedule = new SyncSchedule({
      ...{ intervalMs: options.intervalMs, clock: options.clock, logger: options.logger },
      targets: options.unreachable,
      urgentGapMs: 0,
      sync: (targetNodeId, signal) => this.#sync(targetNodeId, 'offline', signal),
    });
  }

  start(): void {
    this.#schedule.start();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all([this.#schedule.stop(), ...this.#returns]);
  }

  changed({ nodeId, isActive }: Replica): void {
    if (this.#options.intervalMs === 0 || this.#stopping.signal.aborted) return;
    if (!isActive) {
      this.#schedule.urge();
      return;
    }
    const back = this.#sync(nodeId, 'online', this.#stopping.signal).finally(() => {
      this.#returns.delete(back);
    });
    this.#returns.add(back);
  }

  async #sync(
    targetNodeId: string,
    mode: 'online' | 'offline',
    signal: AbortSignal,
  ): Promise<void> {
    const { sync, logger } = this.#options;
    const { error } = await sync.sync({ targetNodeId, mode }, { signal });
    if (error !== undefined && !signal.aborted) {
      logger.warn({ error, replica: targetNodeId, mode }, 'could not synchronise');
    }
  }
}
