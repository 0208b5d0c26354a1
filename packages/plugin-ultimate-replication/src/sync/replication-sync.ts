import {
  BoundedCache,
  type Clock,
  type ConflictResolution,
  DwError,
  type IReplicationSync,
  KeyedMutex,
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
import type { SyncChannel, SyncCounts, SyncRun } from './sync-channel.js';
import type { SyncPauses } from './sync-pauses.js';

/** What a {@link ReplicationSync} works with. */
export interface ReplicationSyncOptions {
  /** Mode where a request leaves the choice. */
  readonly mode: ReplicationSyncMode;
  readonly online: SyncChannel;
  readonly offline: SyncChannel;
  /** Trusts no key but those that the operator has pinned. */
  readonly airGap: SyncChannel;
  /** Whether a node answers, as far as is known. */
  readonly isReachable: (nodeId: string) => boolean;
  readonly pauses: SyncPauses;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Codes that mean that a node cannot be reached. */
const unreachable: ReadonlySet<string> = new Set(['DW_PEER_UNREACHABLE', 'DW_PEER_TIMEOUT']);

/** Brings this node and another to the same objects, in whatever way there is between them. */
export class ReplicationSync implements IReplicationSync {
  readonly #options: ReplicationSyncOptions;
  readonly #statuses = new BoundedCache<string, ReplicationSyncStatus>({ maxEntries: 1_000 });
  readonly #events: Listeners<ReplicationSyncEvent>;
  readonly #perTarget = new KeyedMutex();
  #listenerCount = 0;

  constructor(options: ReplicationSyncOptions) {
    this.#options = options;
    this.#events = new Listeners('onDidSyncEvent', {
      onError: (error) => options.logger.warn({ error }, 'a listener of onDidSyncEvent threw'),
    });
  }

  get currentMode(): ReplicationSyncMode {
    return this.#options.mode;
  }

  /** One at a time with each node: a second one waits for the first. */
  sync(
    request: ReplicationSyncRequest,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<ReplicationSyncResult> {
    const { targetNodeId } = request;
    return this.#perTarget.run(targetNodeId, () =>
      this.run(targetNodeId, (onProgress) => this.#exchange(request, options.signal, onProgress)),
    );
  }

  /** Does work as a synchronisation with a node: with its status, events, and failure as a result. */
  async run(
    targetNodeId: string,
    work: (onProgress: (ratio: number) => void) => Promise<SyncCounts>,
  ): Promise<ReplicationSyncResult> {
    const { clock } = this.#options;
    const startedAtMs = clock.monotonicMs();
    const durationMs = () => clock.monotonicMs() - startedAtMs;
    this.#setStatus(targetNodeId, 'syncing', 0);
    this.#events.emit({ type: 'syncStarted', targetNodeId });
    try {
      const counts = await work((ratio) => {
        this.#setStatus(targetNodeId, 'syncing', Math.floor(ratio * 99));
      });
      if (counts.refusedCount > 0) throw refused(counts);
      const result = {
        success: true,
        itemsSynced: counts.changedCount,
        conflictsDetected: counts.conflictCount,
        durationMs: durationMs(),
      };
      this.#setStatus(targetNodeId, 'completed', 100, clock.now());
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
    const status = this.#statuses.get(targetNodeId);
    const known = status ?? ({ targetNodeId, state: 'idle', progress: 0 } as const);
    const isPaused = this.#options.pauses.has(targetNodeId) && known.state !== 'syncing';
    return isPaused ? { ...known, state: 'paused' } : known;
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
    const added = this.#events.add(listener);
    this.#listenerCount += 1;
    let isListening = true;
    return {
      [Symbol.dispose]: () => {
        added[Symbol.dispose]();
        if (isListening) this.#listenerCount -= 1;
        isListening = false;
      },
    };
  }

  /** Whether anybody listens to events. */
  get hasListeners(): boolean {
    return this.#listenerCount > 0;
  }

  /** Tells listeners of a conflict that was found and decided. */
  tellConflict(conflict: ReplicationConflict, resolution: ConflictResolution): void {
    this.#events.emit({ type: 'conflictDetected', conflict });
    this.#events.emit({ type: 'conflictResolved', conflict, resolution });
  }

  async #exchange(
    { targetNodeId, mode, dataSetFilter, sinceMs }: ReplicationSyncRequest,
    signal: AbortSignal | undefined,
    onProgress: (ratio: number) => void,
  ): Promise<SyncCounts> {
    const { pauses, online, offline, airGap, isReachable } = this.#options;
    if (pauses.has(targetNodeId)) throw replicationError('DW_REPLICATION_SYNC_PAUSED');
    const run: SyncRun = { targetNodeId, scope: { dataSetFilter, sinceMs }, signal, onProgress };
    if (mode === 'online') return online.run(run);
    if (mode === 'offline') return offline.run(run);
    if (mode === 'airGap') return airGap.run(run);
    if (!isReachable(targetNodeId)) return offline.run(run);
    try {
      return await online.run(run);
    } catch (error) {
      if (!DwError.is(error) || !unreachable.has(error.code)) throw error;
      return offline.run(run);
    }
  }

  #setStatus(
    targetNodeId: string,
    state: ReplicationSyncStatus['state'],
    progress: number,
    syncedAtMs?: number,
  ): void {
    const lastSyncAtMs = syncedAtMs ?? this.#statuses.peek(targetNodeId)?.lastSyncAtMs;
    const last = lastSyncAtMs === undefined ? {} : { lastSyncAtMs };
    this.#statuses.set(targetNodeId, { targetNodeId, state, progress, ...last });
  }
}

function refused({ refusedCount }: SyncCounts): Error {
  return replicationError('DW_REPLICATION_SYNC_FAILED', {
    message: `${refusedCount} versions were refused; the rest is synchronised`,
    details: { refusedCount },
  });
}
