import type {
  Clock,
  ContentStore,
  IPeerTransport,
  Logger,
  WriteAheadLog,
} from '@datawarehouse/sdk';
import type { AppendGate } from '../queue/append-gate.js';
import type { Confirmations } from '../queue/confirmations.js';
import type { OriginPositions } from '../queue/origin-positions.js';
import { logStateOf, type Ping } from '../queue/peer-messages.js';
import { type DispatchLimits, ReplicaDispatcher } from '../queue/replica-dispatcher.js';
import { ReplicationPeer } from '../queue/replication-peer.js';
import type { ReplicationCounters } from '../scaling/replication-counters.js';
import type { Resynchroniser } from '../sync/resynchroniser.js';
import { ReplicaProbe } from './replica-probe.js';
import type { Replica, ReplicaListener, ReplicaRegistry } from './replica-registry.js';

/** What {@link ReplicaLinks} work with. */
export interface ReplicaLinksOptions {
  /** Id of this node. */
  readonly nodeId: string;
  readonly registry: ReplicaRegistry;
  readonly transport: IPeerTransport;
  readonly log: WriteAheadLog;
  readonly content: ContentStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly counters: ReplicationCounters;
  readonly confirmations: Confirmations;
  readonly gate: AppendGate;
  readonly positions: OriginPositions;
  readonly resynchroniser: Resynchroniser;
  readonly healthIntervalMs: number;
  readonly dispatchLimits: () => DispatchLimits;
  /** Nodes to which nothing is sent for the time being. */
  readonly isPaused: (nodeId: string) => boolean;
}

interface Link {
  readonly dispatcher: ReplicaDispatcher;
  readonly probe: ReplicaProbe;
}

/** What works for each replica while the node runs: its dispatcher and its probe. */
export class ReplicaLinks implements ReplicaListener {
  readonly #options: ReplicaLinksOptions;
  readonly #links = new Map<string, Link>();
  /** Replicas whose failure has been logged, and that have confirmed nothing since. */
  readonly #failing = new Set<string>();
  #isRunning = false;

  constructor(options: ReplicaLinksOptions) {
    this.#options = options;
    options.resynchroniser.onDidFinish((origin) => this.suspected(origin));
  }

  start(): void {
    this.#isRunning = true;
    for (const { nodeId } of this.#options.registry.list()) this.added(nodeId);
  }

  async stop(): Promise<void> {
    this.#isRunning = false;
    await Promise.all([...this.#links.keys()].map((nodeId) => this.#unlink(nodeId)));
  }

  added(nodeId: string): void {
    if (!this.#isRunning || this.#links.has(nodeId)) return;
    const link = this.#link(nodeId);
    this.#links.set(nodeId, link);
    link.dispatcher.start();
    link.probe.start();
  }

  async removed(nodeId: string): Promise<void> {
    const { confirmations, gate, resynchroniser, positions } = this.#options;
    confirmations.drop(nodeId);
    gate.release();
    await this.#unlink(nodeId);
    await resynchroniser.cancel(nodeId);
    await positions.remove(nodeId);
  }

  changed({ nodeId, isActive }: Replica): void {
    const { confirmations, gate } = this.#options;
    if (isActive) {
      this.#links.get(nodeId)?.dispatcher.wake();
      return;
    }
    this.#links.get(nodeId)?.dispatcher.interrupt();
    confirmations.drop(nodeId);
    gate.release();
  }

  /** Sends to a node again, or no longer, as `isPaused` says now. */
  reconsider(nodeId: string): void {
    const { dispatcher } = this.#links.get(nodeId) ?? {};
    if (this.#options.isPaused(nodeId)) dispatcher?.interrupt();
    else dispatcher?.wake();
  }

  suspected(nodeId: string): void {
    this.#links.get(nodeId)?.probe.suspect();
  }

  /** Answers the ping of another node, which shows that it is there, and how far it is. */
  answerPing(from: string, ping: Ping): Ping {
    if (this.#options.registry.get(from)?.isActive === false) this.suspected(from);
    this.#follow(from, ping);
    return this.#pingFor(from);
  }

  #follow(nodeId: string, { log, position }: Ping): void {
    const { registry, resynchroniser } = this.#options;
    if (registry.get(nodeId) === undefined) return;
    resynchroniser.startIfNeeded(nodeId, log);
    this.#links.get(nodeId)?.dispatcher.noteReplicaPosition(position);
  }

  #pingFor(nodeId: string): Ping {
    const { log, positions } = this.#options;
    return { log: logStateOf(log), position: positions.get(nodeId) };
  }

  async #unlink(nodeId: string): Promise<void> {
    const link = this.#links.get(nodeId);
    this.#links.delete(nodeId);
    this.#failing.delete(nodeId);
    await Promise.all([link?.dispatcher.stop(), link?.probe.stop()]);
  }

  #link(nodeId: string): Link {
    const { registry, transport, clock, healthIntervalMs, dispatchLimits } = this.#options;
    const { log, content, logger, counters, confirmations, gate, isPaused } = this.#options;
    const peer = new ReplicationPeer(transport, nodeId);
    const dispatcher = new ReplicaDispatcher({
      ...{ peer, origin: this.#options.nodeId, log, content, clock, logger },
      limits: dispatchLimits,
      isActive: () => registry.get(nodeId)?.isActive === true && !isPaused(nodeId),
      onDidConfirm: ({ sequence, eventCount, refused }) => {
        this.#failing.delete(nodeId);
        counters.replicatedEvents += Math.max(0, eventCount - refused.length);
        if (refused.length > 0) {
          logger.error(
            { replica: nodeId, refused },
            'a replica could not apply events of this node',
          );
        }
        registry.recordSuccess(nodeId);
        confirmations.confirm(nodeId, sequence, refused);
        gate.release();
      },
      onDidFail: (error) => {
        if (!this.#failing.has(nodeId)) {
          logger.warn({ error, replica: nodeId }, 'a replica cannot be served; trying again');
        }
        this.#failing.add(nodeId);
        registry.suspect(nodeId);
      },
    });
    const probe = new ReplicaProbe({
      ...{ clock, intervalMs: healthIntervalMs },
      ask: async (signal) => {
        this.#follow(nodeId, await peer.ping(this.#pingFor(nodeId), signal));
      },
      replica: () => registry.get(nodeId),
      onDidSucceed: () => registry.recordSuccess(nodeId),
      onDidFail: (error) => registry.recordFailure(nodeId, error),
    });
    return { dispatcher, probe };
  }
}
