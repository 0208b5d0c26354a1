import { type ContentStore, DwError } from '@datawarehouse/sdk';
import type { ObjectRecord } from '../objects/object-record.js';
import type { PayloadSource } from '../objects/payload-source.js';
import { MAX_CHUNKS_PER_CALL } from '../queue/peer-messages.js';

const single = 'sha256:';

/**
 * Fetches the contents of one chunk that are not here, many in a call.
 *
 * What the other node does not have is left out; it is asked for again with its object.
 */
export async function prefetchChunks(
  records: readonly ObjectRecord[],
  content: ContentStore,
  source: PayloadSource,
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const digests = new Set<string>();
  for (const { payload } of records) {
    if (payload?.digest.startsWith(single)) digests.add(payload.digest.slice(single.length));
  }
  const missing = await content.missing([...digests]);
  const chunks = new Map<string, Uint8Array>();
  for (let at = 0; at < missing.length; at += MAX_CHUNKS_PER_CALL) {
    const wanted = missing.slice(at, at + MAX_CHUNKS_PER_CALL);
    try {
      const fetched = await source.chunks(wanted, signal);
      for (const [index, digest] of wanted.entries()) {
        const chunk = fetched[index];
        if (chunk !== undefined) chunks.set(digest, chunk);
      }
    } catch (error) {
      if (!DwError.is(error, 'DW_REPLICATION_PAYLOAD_MISSING')) throw error;
    }
  }
  return chunks;
}
