import { CONTENT_CHUNK_BYTES } from '@datawarehouse/sdk';
import type { TransferSettings } from '../transfer/transfer-tuner.js';

const maxConcurrentChunks = 16;
/** Memory of one download. */
const maxBytesInFlight = 32 * 1024 * 1024;

/** How payloads are fetched now: as the server last proposed, within what this machine can bear. */
export class TransferPreferences {
  #current: TransferSettings = { chunkSizeBytes: CONTENT_CHUNK_BYTES, maxConcurrentChunks: 4 };

  get current(): TransferSettings {
    return this.#current;
  }

  update(proposed: TransferSettings): void {
    const concurrent = Math.min(maxConcurrentChunks, proposed.maxConcurrentChunks);
    this.#current = {
      chunkSizeBytes: Math.min(Math.floor(maxBytesInFlight / concurrent), proposed.chunkSizeBytes),
      maxConcurrentChunks: concurrent,
    };
  }
}
