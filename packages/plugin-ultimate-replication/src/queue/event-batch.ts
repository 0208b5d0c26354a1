import { type ContentStore, DwError, type LogEntry } from '@datawarehouse/sdk';
import type { ObjectRecord } from '../objects/object-record.js';
import { decodeEvent } from './replication-event.js';

/** Entries that go to a replica in one message, with the chunks of small contents. */
export interface EventBatch {
  readonly events: readonly Uint8Array[];
  readonly chunkDigests: readonly string[];
  readonly chunks: readonly Uint8Array[];
}

/** Contents up to this size travel with their event, which spares a call. */
const inlineBytes = 8_192;
const maxInlineBytes = 1_048_576;
/** Contents up to this size are held in memory by the receiver until their batch is stored. */
const heldBytes = 262_144;

/**
 * Makes a batch of the first entries of the log.
 *
 * @param maxPayloadBytes - About how many bytes of small contents the receiver may have to hold.
 */
export async function buildEventBatch(
  entries: readonly LogEntry[],
  content: ContentStore,
  maxPayloadBytes: number,
): Promise<EventBatch> {
  const events: Uint8Array[] = [];
  const chunks = new Map<string, Uint8Array>();
  let payloadBytes = 0;
  let attachedBytes = 0;
  for (const { data } of entries) {
    const payload = tryDecode(data)?.payload;
    payloadBytes += Math.min(payload?.sizeBytes ?? 0, heldBytes);
    if (payloadBytes > maxPayloadBytes && events.length > 0) break;
    events.push(data);
    if (payload === undefined || payload.sizeBytes === 0 || payload.sizeBytes > inlineBytes)
      continue;
    const digest = payload.digest.slice('sha256:'.length);
    if (chunks.has(digest) || attachedBytes + payload.sizeBytes > maxInlineBytes) continue;
    const chunk = await tryRead(content, digest);
    if (chunk === undefined) continue;
    chunks.set(digest, chunk);
    attachedBytes += chunk.byteLength;
  }
  return { events, chunkDigests: [...chunks.keys()], chunks: [...chunks.values()] };
}

/** An event that cannot be read here goes out as it is: the replica says what is wrong with it. */
function tryDecode(data: Uint8Array): ObjectRecord | undefined {
  try {
    return decodeEvent(data);
  } catch (error) {
    if (DwError.is(error, 'DW_REPLICATION_INVALID_EVENT')) return undefined;
    throw error;
  }
}

/** A chunk that is gone or damaged is left out: the replica asks for it, and learns why. */
async function tryRead(content: ContentStore, digest: string): Promise<Uint8Array | undefined> {
  try {
    return await content.readChunk(digest);
  } catch (error) {
    if (DwError.is(error, 'DW_CONTENT_NOT_FOUND') || DwError.is(error, 'DW_CONTENT_CORRUPT')) {
      return undefined;
    }
    throw error;
  }
}
