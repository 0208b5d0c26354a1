import {
  CONTENT_CHUNK_BYTES,
  type ContentStore,
  collectBytes,
  type PayloadReference,
  payloadReferenceOf,
  sha256Hex,
} from '@datawarehouse/sdk';
import type { ConflictResolver, ContentMerge } from '../conflict/conflict-resolver.js';
import type { ObjectRecord } from './object-record.js';
import { type ObjectState, visibleOf } from './object-state.js';

/** What a reader of one content gets of an object. */
export interface ObjectView {
  /** The latest version that is no deletion. */
  readonly record: ObjectRecord;
  readonly payload: PayloadReference;
  /** The content where it is made of what is stored; else it is what `payload` names. */
  readonly merged?: Uint8Array;
}

/** Makes the view of a state. A pure function of the state, so that every node shows the same. */
export async function viewOf(
  state: ObjectState,
  resolver: ConflictResolver | undefined,
  content: ContentStore,
): Promise<ObjectView | undefined> {
  const record = visibleOf(state);
  if (record?.payload === undefined) return undefined;
  const merged = resolver?.merge && (await mergedContent(state, resolver.merge, content));
  if (merged === undefined) return { record, payload: record.payload };
  return { record, payload: referenceOf(merged), merged };
}

/**
 * Reads the contents of a state, the earliest version first, each once; `undefined` where one is
 * larger than can be merged.
 */
export async function contentsOf(
  state: readonly ObjectRecord[],
  { maxBytes }: ContentMerge,
  content: ContentStore,
): Promise<readonly Uint8Array[] | undefined> {
  const references = new Map<string, PayloadReference>();
  for (const { payload } of state.toReversed()) {
    if (payload === undefined) continue;
    // Of equal contents the latest counts.
    references.delete(payload.digest);
    references.set(payload.digest, payload);
  }
  const contents: Uint8Array[] = [];
  for (const payload of references.values()) {
    if (payload.sizeBytes > maxBytes) return undefined;
    contents.push(await collectBytes(content.open(payload), maxBytes));
  }
  return contents;
}

async function mergedContent(
  state: ObjectState,
  merge: ContentMerge,
  content: ContentStore,
): Promise<Uint8Array | undefined> {
  const contents = await contentsOf(state, merge, content);
  if (contents === undefined) return undefined;
  try {
    return merge.read(contents);
  } catch {
    // What cannot be merged is shown as its latest version, on every node alike.
    return undefined;
  }
}

function referenceOf(data: Uint8Array): PayloadReference {
  const digests: string[] = [];
  for (let at = 0; at < data.byteLength; at += CONTENT_CHUNK_BYTES) {
    digests.push(sha256Hex(data.subarray(at, at + CONTENT_CHUNK_BYTES)));
  }
  return payloadReferenceOf(digests, data.byteLength);
}
