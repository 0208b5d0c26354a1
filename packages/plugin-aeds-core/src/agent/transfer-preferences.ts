import { CONTENT_CHUNK_BYTES } from '@datawarehouse/sdk';
import type { TransferSettings } from '../transfer/transfer-tuner.js';

const maxChunkBytes = 16 * 1024 * 1024;
const maxConcurrentChunks = 64;

/** How payloads are fetched now: as the server last proposed, within what this machine can bear. */
export class TransferPreferences {
  #current: TransferSettings = { chunkSizeBytes: CONTENT_CHUNK_BYTES, maxConcurrentChunks: 4 };

  get current(): TransferSettings {
    return this.#current;
  }

  update(proposed: TransferSettings): void {
    this.#current = {
      chunkSizeBytes: Math.min(maxChunkBytes, proposed.chunkSizeBytes),
      maxConcurrentChunks: Math.min(maxConcurrentChunks, proposed.maxConcurrentChunks),
    };
  }
}
