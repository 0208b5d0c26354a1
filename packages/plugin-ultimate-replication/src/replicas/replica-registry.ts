import {
  type IClusterMembership,
  type IMessageBus,
  KeyedMutex,
  type Logger,
  membershipChangedTopic,
  type WriteAheadLog,
} from '@datawarehouse/sdk';
import { replicaChangedTopic } from './replica-topics.js';

/** A node that this one replicates to. */
export interface Replica {
  readonly nodeId: string;
  readonly endpoint: string | undefined;
  /** Whether it is taken to be reachable. */
  readonly isActive: boolean;
  readonly consecutiveFailures: number;
}

/** Hears of replicas. */
export interface ReplicaListener {
  added?(nodeId: string): void;
  /** Resolves when nothing works for the replica any more. */
  removed?(nodeId: string): Promise<void>;
  /** It turned active or inactive. */
  changed?(replica: Replica): void;
  /** Something else points at it being alive, or not: ask it. */
  suspected?(nodeId: string): void;
}

/** What a {@link ReplicaRegistry} works with. */
export interface ReplicaRegistryOptions {
  readonly membership: IClusterMembership;
  readonly bus: IMessageBus;
  readonly log: WriteAheadLog;
  readonly logger: Logger;
  /** Id of this node, which is no replica of itself. */
  readonly nodeId: string;
  /**
   * Failures in a row that make a replica inactive.
   * @defaultValue 3
   */
  readonly failureLimit?: number;
}

interface Health {
  isActive: boolean;
  consecutiveFailures: number;
}

/** The replicas: the other members of the cluster, each a consumer of the log. */
export class ReplicaRegistry {
  readonly #options: ReplicaRegistryOptions;
  readonly #replicas = new Map<string, Health>();
  readonly #listeners = new Set<ReplicaListener>();
  readonly #lock = new KeyedMutex();
  #isClosed = false;

  constructor(options: ReplicaRegistryOptions) {
    this.#options = options;
  }

  /** Takes over the members, and follows their changes until disposed. */
  async open(): Promise<AsyncDisposable> {
    const { bus } = this.#options;
    const subscription = bus.subscribe(
      membershipChangedTopic,
      async ({ data }) => {
        await this.#reconcile();
        if (data.action === 'left') this.#leave(data.nodeId);
        else if (data.action === 'joined') this.suspect(data.nodeId);
      },
      { name: 'replication' },
    );
    await this.#reconcile();
    return {
      [Symbol.asyncDispose]: async () => {
        subscription[Symbol.dispose]();
        this.#isClosed = true;
        await this.#lock.run('members', () => undefined);
      },
    };
  }

  listen(listener: ReplicaListener): void {
    this.#listeners.add(listener);
  }

  /** The replicas by ascending id. */
  list(): readonly Replica[] {
    return [...this.#replicas.keys()].sort().flatMap((nodeId) => this.get(nodeId) ?? []);
  }

  get(nodeId: string): Replica | undefined {
    const health = this.#replicas.get(nodeId);
    const endpoint = this.#options.membership.member(nodeId)?.endpoint;
    return health && { nodeId, endpoint, ...health };
  }

  /** Sequence that every active replica has confirmed; Infinity where none is active. */
  confirmedSequence(): number {
    const { log } = this.#options;
    let confirmed = Infinity;
    for (const [nodeId, { isActive }] of this.#replicas) {
      const lagEntries = log.consumer(nodeId)?.lagEntries;
      if (!isActive || lagEntries === undefined) continue;
      confirmed = Math.min(confirmed, log.headSequence - lagEntries);
    }
    return confirmed;
  }

  /** It answered. */
  recordSuccess(nodeId: string): void {
    const health = this.#replicas.get(nodeId);
    if (health === undefined) return;
    health.consecutiveFailures = 0;
    if (!health.isActive) this.#change(nodeId, health, true);
  }

  /** It did not answer a probe. */
  recordFailure(nodeId: string, error: unknown): void {
    const health = this.#replicas.get(nodeId);
    if (health === undefined) return;
    health.consecutiveFailures += 1;
    const { failureLimit = 3 } = this.#options;
    if (!health.isActive || health.consecutiveFailures < failureLimit) return;
    this.#change(nodeId, health, false, error instanceof Error ? error.message : String(error));
  }

  /** Asks those who probe to do so soon. */
  suspect(nodeId: string): void {
    for (const listener of this.#listeners) listener.suspected?.(nodeId);
  }

  /** Makes the replicas those that the membership knows now, whatever message said what. */
  #reconcile(): Promise<void> {
    return this.#lock.run('members', async () => {
      if (this.#isClosed) return;
      const { membership, log, logger, nodeId: self } = this.#options;
      const ids = membership.members().map(({ nodeId }) => nodeId);
      const members = new Set(ids.filter((nodeId) => nodeId !== self));
      for (const nodeId of members) {
        if (this.#replicas.has(nodeId)) continue;
        await log.registerConsumer(nodeId);
        this.#replicas.set(nodeId, { isActive: true, consecutiveFailures: 0 });
        logger.info({ replica: nodeId }, 'replica registered');
        for (const listener of this.#listeners) listener.added?.(nodeId);
      }
      const known = new Set([...this.#replicas.keys(), ...log.consumers().map(({ id }) => id)]);
      for (const nodeId of known) {
        if (members.has(nodeId)) continue;
        this.#replicas.delete(nodeId);
        for (const listener of this.#listeners) await listener.removed?.(nodeId);
        await log.removeConsumer(nodeId);
        await log.trim();
        logger.info({ replica: nodeId }, 'replica removed; the log does not wait for it any more');
      }
    });
  }

  #leave(nodeId: string): void {
    const health = this.#replicas.get(nodeId);
    if (health?.isActive === true) this.#change(nodeId, health, false, 'it left in order');
  }

  #change(nodeId: string, health: Health, isActive: boolean, reason?: string): void {
    health.isActive = isActive;
    const { logger, bus } = this.#options;
    const { consecutiveFailures } = health;
    if (isActive) logger.info({ replica: nodeId }, 'replica is active');
    else logger.warn({ replica: nodeId, consecutiveFailures, reason }, 'replica is inactive');
    const replica = this.get(nodeId);
    for (const listener of this.#listeners) if (replica) listener.changed?.(replica);
    const change = { nodeId, active: isActive, consecutiveFailures, reason };
    bus.publish(replicaChangedTopic, change).catch((error: unknown) => {
      logger.warn({ error }, 'a change of a replica could not be published');
    });
  }
}
