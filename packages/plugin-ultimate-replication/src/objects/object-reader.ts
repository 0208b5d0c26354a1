import type { ContentStore } from '@datawarehouse/sdk';
import { replicationError } from '../errors/replication-errors.js';
import type { StrategyRegistry } from '../strategies/strategy-registry.js';
import { assertObjectName, objectPath } from './object-name.js';
import type { ObjectRecord } from './object-record.js';
import { contextOf, type ObjectState, visibleOf } from './object-state.js';
import type {
  ListOptions,
  ObjectInfo,
  ObjectSibling,
  ObjectSiblings,
  ReadableObject,
} from './object-store-contract.js';
import type { ObjectTable } from './object-table.js';
import { formatVersion } from './object-version.js';
import { type ObjectView, viewOf } from './object-view.js';
import { boundVector, formatContext } from './version-vector.js';

/** What an {@link ObjectReader} works with. */
export interface ObjectReaderOptions {
  readonly table: ObjectTable;
  readonly content: ContentStore;
  readonly strategies: StrategyRegistry;
}

/** Objects as readers of this node see them. */
export class ObjectReader {
  readonly #options: ObjectReaderOptions;

  constructor(options: ObjectReaderOptions) {
    this.#options = options;
  }

  async get(namespace: string, key: string, version?: string): Promise<ReadableObject> {
    const { content } = this.#options;
    const state = await this.#state(namespace, key);
    const view = version === undefined ? await this.#view(state) : oneOf(state, version);
    const info = view && infoOf(view.record);
    if (view === undefined || info === undefined) throw notFound(namespace, key, version);
    const { payload, merged } = view;
    return {
      ...info,
      digest: payload.digest,
      sizeBytes: payload.sizeBytes,
      siblingCount: distinct(state).length,
      context: contextTextOf(state),
      open: (range = {}) => (merged ? pieceOf(merged, range) : content.open(payload, range)),
    };
  }

  async siblings(namespace: string, key: string): Promise<ObjectSiblings> {
    const state = await this.#state(namespace, key);
    if (visibleOf(state) === undefined) throw notFound(namespace, key);
    return { siblings: distinct(state).map(siblingOf), context: contextTextOf(state) };
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

  async #state(namespace: string, key: string): Promise<ObjectState> {
    assertObjectName('namespace', namespace);
    assertObjectName('key', key);
    const state = await this.#options.table.read(objectPath(namespace, key));
    if (state === undefined) throw notFound(namespace, key);
    return state;
  }

  #view(state: ObjectState): Promise<ObjectView | undefined> {
    const { strategies, content } = this.#options;
    return viewOf(state, strategies.resolverOf(state[0].strategy), content);
  }
}

function oneOf(state: ObjectState, version: string): ObjectView | undefined {
  const record = state.find((one) => formatVersion(one.version) === version);
  return record?.payload && { record, payload: record.payload };
}

/** Leaves out versions whose content a later one has as well. */
function distinct(state: ObjectState): readonly ObjectRecord[] {
  const digests = new Set<string | undefined>();
  return state.filter(({ payload }) => {
    const isNew = !digests.has(payload?.digest);
    digests.add(payload?.digest);
    return isNew;
  });
}

function siblingOf(record: ObjectRecord): ObjectSibling {
  const { namespace, key, version, payload, contentType, updatedAtMs, strategy } = record;
  return {
    ...{ namespace, key, version: formatVersion(version), writtenBy: version.nodeId },
    ...{ digest: payload?.digest, sizeBytes: payload?.sizeBytes },
    ...{ contentType, updatedAtMs, strategy },
  };
}

function contextTextOf(state: ObjectState): string {
  return formatContext(boundVector(contextOf(state)));
}

async function* pieceOf(
  data: Uint8Array,
  { start = 0, end = data.byteLength }: { readonly start?: number; readonly end?: number },
): AsyncGenerator<Uint8Array> {
  yield data.subarray(start, end);
}

/** What is known of an object; nothing of a tombstone. */
function infoOf(record: ObjectRecord): ObjectInfo | undefined {
  const { namespace, key, version, payload, contentType, updatedAtMs, strategy } = record;
  if (payload === undefined) return undefined;
  const { digest, sizeBytes } = payload;
  const text = formatVersion(version);
  return { namespace, key, version: text, digest, sizeBytes, contentType, updatedAtMs, strategy };
}

function notFound(namespace: string, key: string, version?: string): Error {
  return replicationError('DW_REPLICATION_NOT_FOUND', { details: { namespace, key, version } });
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
