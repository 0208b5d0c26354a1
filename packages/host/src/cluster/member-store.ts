import {
  type BackingStoreOperation,
  type ClusterMember,
  ed25519PublicKey,
  type IPersistentBackingStore,
  NODE_ID_PATTERN,
  storeError,
  storePath,
  storePrefix,
} from '@datawarehouse/sdk';
import { z } from 'zod';

const nodeId = z.string().regex(NODE_ID_PATTERN);

const memberSchema = z.object({
  nodeId,
  endpoint: z.url(),
  publicKey: z.string().refine((text) => ed25519PublicKey(text) !== undefined),
  joinedAtMs: z.number(),
});

const removalSchema = z.object({ nodeId, removedAtMs: z.number() });

/** A node that was removed, so that it does not come back by itself. */
export type Removal = Readonly<z.output<typeof removalSchema>>;

const memberPath = (id: string): string => storePath('internal', 'cluster', 'members', id);
const removalPath = (id: string): string => storePath('internal', 'cluster', 'removed', id);

/** Members with their keys, and removed nodes, below `dw://internal/cluster/`. */
export class MemberStore {
  readonly #store: IPersistentBackingStore;

  constructor(store: IPersistentBackingStore) {
    this.#store = store;
  }

  loadMembers(): Promise<readonly ClusterMember[]> {
    return this.#load(storePrefix('internal', 'cluster', 'members'), memberSchema);
  }

  loadRemovals(): Promise<readonly Removal[]> {
    return this.#load(storePrefix('internal', 'cluster', 'removed'), removalSchema);
  }

  /** Keeps a member, who is then not removed any more. */
  async saveMember(member: ClusterMember): Promise<void> {
    await this.#store.batch([
      write(memberPath(member.nodeId), member),
      { type: 'delete', path: removalPath(member.nodeId) },
    ]);
  }

  /** Keeps a removal in place of the member, and forgets older removals. */
  async saveRemoval(removal: Removal, forgotten: readonly string[]): Promise<void> {
    await this.#store.batch([
      { type: 'delete', path: memberPath(removal.nodeId) },
      write(removalPath(removal.nodeId), removal),
      ...forgotten.map((id) => ({ type: 'delete', path: removalPath(id) }) as const),
    ]);
  }

  async #load<T>(prefix: string, schema: z.ZodType<T>): Promise<readonly T[]> {
    const found: T[] = [];
    for await (const { path, data } of this.#store.scan(prefix)) {
      found.push(parse(path, data, schema));
    }
    return found;
  }
}

function write(path: string, value: object): BackingStoreOperation {
  return { type: 'write', path, data: Buffer.from(JSON.stringify(value)) };
}

function parse<T>(path: string, data: Uint8Array, schema: z.ZodType<T>): T {
  try {
    return schema.parse(JSON.parse(Buffer.from(data).toString('utf8')));
  } catch (cause) {
    throw storeError('DW_STORE_CORRUPT', {
      message: `The cluster’s record at ${path} is damaged`,
      cause,
      details: { path },
    });
  }
}
