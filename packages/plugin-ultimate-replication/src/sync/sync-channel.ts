import type { ExchangeScope, PullCounts } from '../queue/peer-messages.js';

/** What a synchronisation has done. */
export type SyncCounts = PullCounts;

/** One synchronisation over a channel. */
export interface SyncRun {
  readonly targetNodeId: string;
  readonly scope: ExchangeScope;
  readonly signal?: AbortSignal | undefined;
  /** Told how far it is, 0 to 1. */
  readonly onProgress?: ((ratio: number) => void) | undefined;
}

/** A way in which two nodes exchange what differs. */
export interface SyncChannel {
  run(request: SyncRun): Promise<SyncCounts>;
}
