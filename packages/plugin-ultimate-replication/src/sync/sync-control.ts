import type {
  IPersistentBackingStore,
  LogPosition,
  ReplicationSyncResult,
} from '@datawarehouse/sdk';
import { replicationError } from '../errors/replication-errors.js';
import type { OriginPositions } from '../queue/origin-positions.js';
import type { ReplicationSync } from './replication-sync.js';
import type { Resynchroniser } from './resynchroniser.js';
import type { SyncPauses } from './sync-pauses.js';
import type { SyncPeer } from './sync-peer.js';

/** What a {@link SyncControl} works with. */
export interface SyncControlOptions {
  readonly store: IPersistentBackingStore;
  readonly positions: OriginPositions;
  readonly pauses: SyncPauses;
  readonly resynchroniser: Resynchroniser;
  readonly sync: ReplicationSync;
  readonly syncPeerOf: (nodeId: string) => SyncPeer;
  /** Talks to a node soon, so that it learns where this one is. */
  readonly contact: (nodeId: string) => void;
}

/** Where to go back to. */
export type RewindPlace = { readonly sequence: number } | { readonly timeMs: number };

/** What an operator does about the synchronisation with one node. */
export class SyncControl {
  readonly #options: SyncControlOptions;

  constructor(options: SyncControlOptions) {
    this.#options = options;
  }

  /** Stops sending to a node and synchronising with it, until resumed. */
  pause(nodeId: string): Promise<void> {
    return this.#options.pauses.set(nodeId, true);
  }

  async resume(nodeId: string): Promise<void> {
    await this.#options.pauses.set(nodeId, false);
    this.#options.contact(nodeId);
  }

  /**
   * Takes over the log of a node again from an earlier place. Where its log does not reach back so
   * far any more, what differs is found by digests.
   *
   * @throws {@link DwError} `DW_REPLICATION_INVALID_QUERY`, or what calling the node throws.
   */
  async rewind(nodeId: string, place: RewindPlace): Promise<LogPosition> {
    const { positions, store, syncPeerOf, contact } = this.#options;
    const earlier = 'timeMs' in place ? await syncPeerOf(nodeId).place(place.timeMs) : undefined;
    const position = await positions.exclusive(nodeId, async () => {
      const now = positions.get(nodeId);
      const sequence = earlier?.sequence ?? ('sequence' in place ? place.sequence : 0);
      if (
        now === undefined ||
        sequence > now.sequence ||
        (earlier && earlier.epoch !== now.epoch)
      ) {
        throw replicationError('DW_REPLICATION_INVALID_QUERY', {
          message: `This node is at ${now?.sequence ?? 'no place'} in the log of ${nodeId}; it can only go back`,
          details: { position: now, sequence },
        });
      }
      const target = { epoch: now.epoch, sequence };
      await store.batch([positions.operation(nodeId, target)]);
      positions.note(nodeId, target);
      return target;
    });
    contact(nodeId);
    return position;
  }

  /** Fetches all that a node has, whatever this one has already. */
  reseed(nodeId: string, signal?: AbortSignal): Promise<ReplicationSyncResult> {
    const { sync, resynchroniser } = this.#options;
    return sync.run(nodeId, () => resynchroniser.reseed(nodeId, signal));
  }
}
