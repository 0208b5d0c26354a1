import { join } from 'node:path';
import { ClassicLevelBackingStore } from '@datawarehouse/host';
import {
  CONTENT_CHUNK_BYTES,
  ContentPacks,
  ContentStore,
  type IPersistentBackingStore,
  type PayloadReference,
  storePath,
  storePrefix,
} from '@datawarehouse/sdk';

/** Where records of who owns what are. */
const recordsPrefix = storePrefix('records');

/** A record of content, written in the batch that makes its owner one. */
export function recordPath(name: string): string {
  return storePath('records', name);
}

/** Content of some chunks, of which there are few, so that much is shared. */
export function contentOf(seed: number): Uint8Array {
  const chunkCount = 1 + (seed % 40);
  const data = Buffer.alloc(chunkCount * CONTENT_CHUNK_BYTES - (seed % 1_000));
  for (let index = 0; index < chunkCount; index += 1) {
    data.writeUInt32BE((seed * 7 + index) % 120, index * CONTENT_CHUNK_BYTES);
  }
  return data;
}

/** A content store in a folder, with packs so small that many come and go. */
export interface OpenContent extends AsyncDisposable {
  readonly store: IPersistentBackingStore;
  readonly content: ContentStore;
  readonly medium: ContentPacks;
}

export async function openContent(directory: string): Promise<OpenContent> {
  const store = await ClassicLevelBackingStore.open({ directory: join(directory, 'store') });
  const medium = await ContentPacks.open({
    directory: join(directory, 'packs'),
    maxPackBytes: 20 * CONTENT_CHUNK_BYTES,
  });
  const content = await ContentStore.open({ store, medium });
  return {
    ...{ store, content, medium },
    [Symbol.asyncDispose]: async () => {
      await content.close();
      await store.close();
    },
  };
}

/** All records, by name. */
export async function recordsIn(
  store: IPersistentBackingStore,
): Promise<Map<string, PayloadReference>> {
  const records = new Map<string, PayloadReference>();
  for await (const { path, data } of store.scan(recordsPrefix)) {
    const reference = JSON.parse(Buffer.from(data).toString()) as PayloadReference;
    records.set(path.slice(recordsPrefix.length), reference);
  }
  return records;
}
