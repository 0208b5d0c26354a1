import { type Contract, contract } from '../compatibility/contract.js';

/**
 * How two nodes exchange what changed: over the network (`online`), by exported and imported
 * batches (`offline`), by signed physical media (`airGap`), or online when connected and offline
 * when not (`hybrid`).
 */
export type ReplicationSyncMode = 'online' | 'offline' | 'airGap' | 'hybrid';

/** Asks for one synchronisation. */
export interface ReplicationSyncRequest {
  readonly targetNodeId: string;
  readonly mode: ReplicationSyncMode;
  /** Glob over namespaces. Default: all. */
  readonly dataSetFilter?: string;
  /** Only what changed since, in milliseconds since the epoch. */
  readonly sinceMs?: number;
}

/** What a synchronisation did. */
export interface ReplicationSyncResult {
  readonly success: boolean;
  /** Objects that were exchanged because they differed. */
  readonly itemsSynced: number;
  readonly conflictsDetected: number;
  readonly durationMs: number;
  /** Why it did not succeed. */
  readonly error?: { readonly code: string; readonly message: string };
}

/** Where the synchronisation with one node stands. */
export interface ReplicationSyncStatus {
  readonly targetNodeId: string;
  readonly state: 'idle' | 'syncing' | 'paused' | 'error' | 'completed';
  /** Percent, 0 to 100. */
  readonly progress: number;
  /** Milliseconds since the epoch; absent before the first. */
  readonly lastSyncAtMs?: number;
}

/** Two versions of one object that do not know of each other. */
export interface ReplicationConflict {
  readonly key: string;
  readonly localValue: Uint8Array | undefined;
  readonly remoteValue: Uint8Array | undefined;
  /** Milliseconds since the epoch. */
  readonly localTimestampMs: number;
  /** Milliseconds since the epoch. */
  readonly remoteTimestampMs: number;
}

/** Which version of a conflict is kept. */
export type ConflictResolution = 'localWins' | 'remoteWins' | 'latestWins' | 'merge' | 'custom';

/** What happened during a synchronisation. */
export type ReplicationSyncEvent =
  | { readonly type: 'syncStarted'; readonly targetNodeId: string }
  | {
      readonly type: 'syncCompleted';
      readonly result: ReplicationSyncResult;
      readonly targetNodeId: string;
    }
  | { readonly type: 'syncFailed'; readonly targetNodeId: string; readonly error: Error }
  | { readonly type: 'conflictDetected'; readonly conflict: ReplicationConflict }
  | {
      readonly type: 'conflictResolved';
      readonly conflict: ReplicationConflict;
      readonly resolution: ConflictResolution;
    };

/** Brings two nodes to the same objects on demand. */
export interface IReplicationSync {
  /** Mode that {@link sync} uses where the request leaves the choice. */
  readonly currentMode: ReplicationSyncMode;

  /** Synchronises with one node. A failure is a result, not a rejection. */
  sync(
    request: ReplicationSyncRequest,
    options?: { readonly signal?: AbortSignal },
  ): Promise<ReplicationSyncResult>;

  /** Where the synchronisation with a node stands; `idle` for one never synchronised with. */
  status(targetNodeId: string): ReplicationSyncStatus;

  /** Decides a conflict, and returns the value that is kept. */
  resolveConflict(
    conflict: ReplicationConflict,
    resolution: ConflictResolution,
  ): Promise<Uint8Array | undefined>;

  /** Listens to synchronisation events until disposed. */
  onDidSyncEvent(listener: (event: ReplicationSyncEvent) => void): Disposable;
}

/** Injection token of the contract of the same name. */
export const IReplicationSync: Contract<IReplicationSync> = contract('dw.sdk.IReplicationSync', {
  introduced: '6.0.0',
});
