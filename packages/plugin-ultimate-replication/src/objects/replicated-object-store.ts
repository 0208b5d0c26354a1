import type { ConcurrencyLimit, ContentStore, StagedContent } from '@datawarehouse/sdk';
import { replicationError } from '../errors/replication-errors.js';
import type { WriteConfirmation } from '../queue/write-confirmation.js';
import type { StrategyRouter } from '../routing/strategy-router.js';
import type { ReplicationStrategy } from '../strategies/replication-strategy.js';
import { assertObjectName, objectPath } from './object-name.js';
import { isContentType, type ObjectRecord } from './object-record.js';
import { type ObjectState, visibleOf } from './object-state.js';
import type {
  IReplicatedObjectStore,
  ListOptions,
  ObjectInfo,
  PutOptions,
  PutReceipt,
  ReadableObject,
  WriteReceipt,
} from './object-store-contract.js';
import type { ObjectTable } from './object-table.js';
import { formatVersion } from './object-version.js';
import type { LocalChange, ObjectWriter, WrittenChange } from './object-writer.js';

/** What a {@link ReplicatedObjectStore} works with. */
export interface ReplicatedObjectStoreOptions {
  readonly table: ObjectTable;
  readonly content: ContentStore;
  readonly router: StrategyRouter;
  readonly writer: ObjectWriter;
  readonly confirmation: WriteConfirmation;
  readonly concurrency: ConcurrencyLimit;
  readonly maxObjectBytes: number;
}

/** Objects as users of this node see them. */
export class ReplicatedObjectStore implements IReplicatedObjectStore {
  readonly #options: ReplicatedObjectStoreOptions;

  constructor(options: ReplicatedObjectStoreOptions) {
    this.#options = options;
  }

  async put(
    namespace: string,
    key: string,
    source: Uint8Array | AsyncIterable<Uint8Array>,
    options: PutOptions = {},
  ): Promise<PutReceipt> {
    const { contentType, signal } = options;
    const strategy = this.#route(namespace, key);
    if (contentType !== undefined && !isContentType(contentType)) {
      throw replicationError('DW_REPLICATION_INVALID_METADATA');
    }
    const { written, reference } = await this.#options.concurrency.run(
      async () => {
        using staged = await this.#stage(namespace, key, source, options);
        const change = { namespace, key, strategy, staged, contentType, signal };
        return { written: await this.#options.writer.write(change), reference: staged.reference };
      },
      { signal },
    );
    const receipt = await this.#receipt(written, strategy, signal);
    return { ...receipt, digest: reference.digest, sizeBytes: reference.sizeBytes };
  }

  async get(namespace: string, key: string): Promise<ReadableObject> {
    assertObjectName('namespace', namespace);
    assertObjectName('key', key);
    const state = await this.#options.table.read(objectPath(namespace, key));
    const record = state && visibleOf(state);
    const info = record && infoOf(record);
    if (record?.payload === undefined || info === undefined) throw notFound(namespace, key);
    const { payload } = record;
    return { ...info, open: (range) => this.#options.content.open(payload, range) };
  }

  async delete(
    namespace: string,
    key: string,
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<WriteReceipt> {
    const { signal } = options;
    const strategy = this.#route(namespace, key);
    const change: LocalChange = { namespace, key, strategy, signal };
    const written = await this.#options.concurrency.run(() => this.#options.writer.write(change), {
      signal,
    });
    return this.#receipt(written, strategy, signal);
  }

  async list(
    namespace: string,
    options: ListOptions & { readonly prefix?: string | undefined } = {},
  ): Promise<{ readonly objects: readonly ObjectInfo[]; readonly next?: string }> {
    const { after, prefix, limit, signal } = options;
    assertObjectName('namespace', namespace);
    if (after !== undefined) assertObjectName('key', after);
    if (prefix !== undefined && prefix !== '') assertObjectName('prefix', prefix);
    const live = async function* (states: AsyncIterable<ObjectState>) {
      for await (const state of states) {
        const record = visibleOf(state);
        const info = record && infoOf(record);
        if (info !== undefined) yield info;
      }
    };
    const states = this.#options.table.scan(namespace, { after, prefix, signal });
    const { items, hasMore } = await take(live(states), limitOf(limit));
    const last = items.at(-1);
    return { objects: items, ...(hasMore && last !== undefined && { next: last.key }) };
  }

  async namespaces(
    options: ListOptions = {},
  ): Promise<{ readonly namespaces: readonly string[]; readonly next?: string }> {
    const { after, limit, signal } = options;
    if (after !== undefined) assertObjectName('namespace', after);
    const { table } = this.#options;
    const live = async function* () {
      for await (const namespace of table.namespaces(after)) {
        for await (const state of table.scan(namespace, { signal })) {
          if (visibleOf(state) === undefined) continue;
          yield namespace;
          break;
        }
      }
    };
    const { items, hasMore } = await take(live(), limitOf(limit));
    const last = items.at(-1);
    return { namespaces: items, ...(hasMore && last !== undefined && { next: last }) };
  }

  #route(namespace: string, key: string): ReplicationStrategy {
    assertObjectName('namespace', namespace);
    assertObjectName('key', key);
    return this.#options.router.resolve(namespace, key);
  }

  async #stage(
    namespace: string,
    key: string,
    source: Uint8Array | AsyncIterable<Uint8Array>,
    { expectedBytes, signal }: PutOptions,
  ): Promise<StagedContent> {
    const staged = await this.#options.content.stage(source, {
      owner: objectPath(namespace, key),
      maxBytes: this.#options.maxObjectBytes,
      ...(signal && { signal }),
    });
    const { sizeBytes } = staged.reference;
    if (expectedBytes === undefined || expectedBytes === sizeBytes) return staged;
    staged[Symbol.dispose]();
    throw replicationError('DW_REPLICATION_LENGTH_MISMATCH', {
      details: { expectedBytes, sizeBytes },
    });
  }

  async #receipt(
    { record, sequence }: WrittenChange,
    strategy: ReplicationStrategy,
    signal: AbortSignal | undefined,
  ): Promise<WriteReceipt> {
    const version = formatVersion(record.version);
    const confirmedBy =
      sequence === undefined
        ? []
        : await this.#options.confirmation.confirm({ sequence, strategy, version, signal });
    const { namespace, key } = record;
    return { namespace, key, version, strategy: strategy.name, confirmedBy };
  }
}

/** What is known of an object; nothing of a tombstone. */
function infoOf(record: ObjectRecord): ObjectInfo | undefined {
  const { namespace, key, version, payload, contentType, updatedAtMs, strategy } = record;
  if (payload === undefined) return undefined;
  const { digest, sizeBytes } = payload;
  const text = formatVersion(version);
  return { namespace, key, version: text, digest, sizeBytes, contentType, updatedAtMs, strategy };
}

function notFound(namespace: string, key: string): Error {
  return replicationError('DW_REPLICATION_NOT_FOUND', { details: { namespace, key } });
}

function limitOf(limit = 100): number {
  if (Number.isInteger(limit) && limit >= 1 && limit <= 1000) return limit;
  throw new TypeError('limit is a whole number from 1 to 1000');
}

/** Takes up to `limit` items, and says whether there are more. */
async function take<T>(
  source: AsyncIterable<T>,
  limit: number,
): Promise<{ readonly items: readonly T[]; readonly hasMore: boolean }> {
  const items: T[] = [];
  for await (const item of source) {
    if (items.length === limit) return { items, hasMore: true };
    items.push(item);
  }
  return { items, hasMore: false };
}
