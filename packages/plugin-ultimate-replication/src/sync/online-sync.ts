import {
  BoundedCache,
  type Clock,
  type ConflictResolution,
  DwError,
  type IReplicationSync,
  Listeners,
  type Logger,
  type ReplicationConflict,
  type ReplicationSyncEvent,
  type ReplicationSyncMode,
  type ReplicationSyncRequest,
  type ReplicationSyncResult,
  type ReplicationSyncStatus,
} from '@datawarehouse/sdk';
import { replicationError } from '../errors/replication-errors.js';
import type { ExchangeScope } from '../queue/peer-messages.js';
import type { ReplicationPeer } from '../queue/replication-peer.js';
import type { Resynchroniser } from './resynchroniser.js';

/** What an {@link OnlineSync} works with. */
export interface OnlineSyncOptions {
  readonly resynchroniser: Resynchroniser;
  readonly peerOf: (nodeId: string) => ReplicationPeer;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Brings this node and another to the same objects on demand, over the network. */
export class OnlineSync implements IReplicationSync {
  readonly currentMode: ReplicationSyncMode = 'online';
  readonly #options: OnlineSyncOptions;
  readonly #statuses = new BoundedCache<string, ReplicationSyncStatus>({ maxEntries: 1_000 });
  readonly #events: Listeners<ReplicationSyncEvent>;

  constructor(options: OnlineSyncOptions) {
    this.#options = options;
    this.#events = new Listeners('onDidSyncEvent', {
      onError: (error) => options.logger.warn({ error }, 'a listener of onDidSyncEvent threw'),
    });
  }

  async sync(
    request: ReplicationSyncRequest,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<ReplicationSyncResult> {
    const { targetNodeId } = request;
    const startedAtMs = this.#options.clock.monotonicMs();
    const durationMs = () => this.#options.clock.monotonicMs() - startedAtMs;
    this.#setStatus(targetNodeId, 'syncing', 0);
    this.#events.emit({ type: 'syncStarted', targetNodeId });
    try {
      const counts = await this.#exchange(request, options.signal);
      const result = { success: true, ...counts, durationMs: durationMs() };
      this.#setStatus(targetNodeId, 'completed', 100, this.#options.clock.now());
      this.#events.emit({ type: 'syncCompleted', targetNodeId, result });
      return result;
    } catch (caught) {
      const error = DwError.is(caught)
        ? caught
        : replicationError('DW_REPLICATION_SYNC_FAILED', { cause: caught });
      this.#setStatus(targetNodeId, 'error', 0);
      this.#events.emit({ type: 'syncFailed', targetNodeId, error });
      return {
        success: false,
        itemsSynced: 0,
        conflictsDetected: 0,
        durationMs: durationMs(),
        error: { code: error.code, message: error.message },
      };
    }
  }

  status(targetNodeId: string): ReplicationSyncStatus {
    return this.#statuses.get(targetNodeId) ?? { targetNodeId, state: 'idle', progress: 0 };
  }

  async resolveConflict(
    conflict: ReplicationConflict,
    resolution: ConflictResolution,
  ): Promise<Uint8Array | undefined> {
    const { localValue, remoteValue, localTimestampMs, remoteTimestampMs } = conflict;
    if (resolution === 'localWins') return localValue;
    if (resolution === 'remoteWins') return remoteValue;
    if (resolution !== 'latestWins') {
      throw replicationError('DW_REPLICATION_RESOLUTION_NOT_OFFERED', { details: { resolution } });
    }
    if (localTimestampMs !== remoteTimestampMs) {
      return localTimestampMs > remoteTimestampMs ? localValue : remoteValue;
    }
    // Both nodes must decide alike, whichever of them is the local one.
    const order = Buffer.compare(localValue ?? new Uint8Array(), remoteValue ?? new Uint8Array());
    return order >= 0 ? localValue : remoteValue;
  }

  onDidSyncEvent(listener: (event: ReplicationSyncEvent) => void): Disposable {
    return this.#events.add(listener);
  }

  /** Fetches what is newer there, then has the other node fetch what is newer here. */
  async #exchange(
    { targetNodeId, mode, dataSetFilter, sinceMs }: ReplicationSyncRequest,
    signal: AbortSignal | undefined,
  ): Promise<Pick<ReplicationSyncResult, 'itemsSynced' | 'conflictsDetected'>> {
    if (mode !== 'online') {
      throw replicationError('DW_REPLICATION_MODE_NOT_OFFERED', { details: { mode } });
    }
    const scope: ExchangeScope = { dataSetFilter, sinceMs };
    const { resynchroniser, peerOf } = this.#options;
    const here = await resynchroniser.pull(targetNodeId, scope, signal);
    this.#setStatus(targetNodeId, 'syncing', 50);
    const there = await peerOf(targetNodeId).pull(scope, signal);
    const refusedCount = here.refusedCount + there.refusedCount;
    if (refusedCount > 0) {
      throw replicationError('DW_REPLICATION_SYNC_FAILED', {
        message: `${refusedCount} versions were refused; the rest is synchronised`,
        details: { refusedHere: here.refusedCount, refusedThere: there.refusedCount },
      });
    }
    return {
      itemsSynced: here.changedCount + there.changedCount,
      conflictsDetected: here.conflictCount + there.conflictCount,
    };
  }

  #setStatus(
    targetNodeId: string,
    state: ReplicationSyncStatus['state'],
    progress: number,
    syncedAtMs?: number,
  ): void {
    const lastSyncAtMs = syncedAtMs ?? this.status(targetNodeId).lastSyncAtMs;
    const last = lastSyncAtMs === undefined ? {} : { lastSyncAtMs };
    this.#statuses.set(targetNodeId, { targetNodeId, state, progress, ...last });
  }
}
