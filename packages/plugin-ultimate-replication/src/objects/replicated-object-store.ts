import {
  type ConcurrencyLimit,
  type ContentStore,
  collectBytes,
  DwError,
  KeyedMutex,
  type StagedContent,
} from '@datawarehouse/sdk';
import type { ContentMerge } from '../conflict/conflict-resolver.js';
import { replicationError } from '../errors/replication-errors.js';
import type { WriteForwarder } from '../primary/write-forwarder.js';
import type { WriteConfirmation } from '../queue/write-confirmation.js';
import type { StrategyRouter } from '../routing/strategy-router.js';
import type { ReplicationStrategy } from '../strategies/replication-strategy.js';
import type { StrategyRegistry } from '../strategies/strategy-registry.js';
import { assertObjectName, objectPath } from './object-name.js';
import type { ObjectReader } from './object-reader.js';
import { isContentType } from './object-record.js';
import { contextOf } from './object-state.js';
import type {
  IReplicatedObjectStore,
  ListOptions,
  ObjectInfo,
  ObjectSiblings,
  PutOptions,
  PutReceipt,
  ReadableObject,
  WriteOptions,
  WriteReceipt,
} from './object-store-contract.js';
import type { ObjectTable } from './object-table.js';
import { formatVersion } from './object-version.js';
import { contentsOf } from './object-view.js';
import type { LocalChange, ObjectWriter, WrittenChange } from './object-writer.js';
import { parseContext } from './version-vector.js';

/** What a {@link ReplicatedObjectStore} works with. */
export interface ReplicatedObjectStoreOptions {
  readonly reader: ObjectReader;
  readonly table: ObjectTable;
  readonly content: ContentStore;
  readonly router: StrategyRouter;
  readonly strategies: StrategyRegistry;
  readonly writer: ObjectWriter;
  readonly confirmation: WriteConfirmation;
  readonly forwarder: WriteForwarder;
  readonly concurrency: ConcurrencyLimit;
  readonly maxObjectBytes: number;
}

type Source = Uint8Array | AsyncIterable<Uint8Array>;

/** Objects as users of this node see them. */
export class ReplicatedObjectStore implements IReplicatedObjectStore {
  readonly #options: ReplicatedObjectStoreOptions;
  /** What is merged is written one at a time, each on top of the one before. */
  readonly #merging = new KeyedMutex();

  constructor(options: ReplicatedObjectStoreOptions) {
    this.#options = options;
  }

  async put(
    namespace: string,
    key: string,
    source: Source,
    options: PutOptions = {},
  ): Promise<PutReceipt> {
    const { contentType, signal } = options;
    const strategy = this.#route(namespace, key);
    if (contentType !== undefined && !isContentType(contentType)) {
      throw replicationError('DW_REPLICATION_INVALID_METADATA');
    }
    const context = contextOption(options);
    const change = { namespace, key, strategy, contentType, context, signal };
    if (this.#isForwarded(strategy)) return this.#forwardPut(change, source, options);
    const merge = this.#options.strategies.resolverOf(strategy.name)?.merge;
    const { written, staged } = await this.#options.concurrency.run(
      () =>
        merge?.write === undefined
          ? this.#putWhole(change, source, options)
          : this.#putMerged(change, source, options, merge),
      { signal },
    );
    const receipt = await this.#receipt(written, strategy, signal);
    const { digest, sizeBytes } = staged.reference;
    return { ...receipt, digest, sizeBytes };
  }

  get(
    namespace: string,
    key: string,
    { version }: { readonly version?: string | undefined } = {},
  ): Promise<ReadableObject> {
    return this.#options.reader.get(namespace, key, version);
  }

  siblings(namespace: string, key: string): Promise<ObjectSiblings> {
    return this.#options.reader.siblings(namespace, key);
  }

  async delete(namespace: string, key: string, options: WriteOptions = {}): Promise<WriteReceipt> {
    const { signal } = options;
    const strategy = this.#route(namespace, key);
    const context = contextOption(options);
    const change: LocalChange = { namespace, key, strategy, context, signal };
    if (this.#isForwarded(strategy)) return this.#options.forwarder.forward(change);
    return this.write(change);
  }

  /** Makes a change on this node, and waits for its replicas as its strategy says. */
  async write(change: LocalChange): Promise<WriteReceipt> {
    const { concurrency, writer } = this.#options;
    const { strategy, signal } = change;
    const written = await concurrency.run(() => writer.write(change), { signal });
    return this.#receipt(written, strategy, signal);
  }

  list(
    namespace: string,
    options: ListOptions & { readonly prefix?: string | undefined } = {},
  ): Promise<{ readonly objects: readonly ObjectInfo[]; readonly next?: string }> {
    return this.#options.reader.list(namespace, options);
  }

  namespaces(
    options: ListOptions = {},
  ): Promise<{ readonly namespaces: readonly string[]; readonly next?: string }> {
    return this.#options.reader.namespaces(options);
  }

  #route(namespace: string, key: string): ReplicationStrategy {
    assertObjectName('namespace', namespace);
    assertObjectName('key', key);
    return this.#options.router.resolve(namespace, key);
  }

  #isForwarded({ admission }: ReplicationStrategy): boolean {
    return admission === 'primary' && !this.#options.forwarder.isPrimary;
  }

  async #forwardPut(
    change: LocalChange,
    source: Source,
    { expectedBytes }: PutOptions,
  ): Promise<PutReceipt> {
    const { forwarder, concurrency, maxObjectBytes } = this.#options;
    const limits = {
      maxBytes: maxObjectBytes,
      check: (sizeBytes: number) => assertLength(sizeBytes, expectedBytes),
    };
    const { signal } = change;
    const forwarded = await concurrency.run(() => forwarder.put(change, source, limits), {
      signal,
    });
    const { reference, ...receipt } = forwarded;
    return { ...receipt, digest: reference.digest, sizeBytes: reference.sizeBytes };
  }

  async #putWhole(change: LocalChange, source: Source, options: PutOptions) {
    using staged = await this.#stage(change, source, options);
    return { written: await this.#options.writer.write({ ...change, staged }), staged };
  }

  /** Puts what the resolver makes of the new content and of all that is here. */
  async #putMerged(change: LocalChange, source: Source, options: PutOptions, merge: ContentMerge) {
    const { table, content, writer } = this.#options;
    const { expectedBytes } = options;
    const body = source instanceof Uint8Array ? onePiece(source) : source;
    const data = await collectBytes(body, merge.maxBytes).catch(rethrowTooLarge);
    assertLength(data.byteLength, expectedBytes);
    const path = objectPath(change.namespace, change.key);
    return this.#merging.run(path, async () => {
      const state = (await table.readForChange(path)) ?? [];
      const contents = await contentsOf(state, merge, content);
      if (contents === undefined) throw replicationError('DW_REPLICATION_DOCUMENT_TOO_LARGE');
      const made = merge.write?.(data, contents) ?? data;
      if (made.byteLength > merge.maxBytes) {
        throw replicationError('DW_REPLICATION_DOCUMENT_TOO_LARGE', {
          details: { sizeBytes: made.byteLength, maxBytes: merge.maxBytes },
        });
      }
      using staged = await this.#stage(change, made, { signal: options.signal });
      const context = contextOf(state);
      try {
        return { written: await writer.write({ ...change, staged, context }), staged };
      } catch (error) {
        merge.onWriteFailed?.();
        throw error;
      }
    });
  }

  async #stage(
    { namespace, key }: LocalChange,
    source: Source,
    { expectedBytes, signal }: PutOptions,
  ): Promise<StagedContent> {
    const staged = await this.#options.content.stage(source, {
      owner: objectPath(namespace, key),
      maxBytes: this.#options.maxObjectBytes,
      ...(signal && { signal }),
    });
    try {
      assertLength(staged.reference.sizeBytes, expectedBytes);
      return staged;
    } catch (error) {
      staged[Symbol.dispose]();
      throw error;
    }
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

function contextOption({ context }: WriteOptions) {
  return context === undefined ? undefined : parseContext(context);
}

function assertLength(sizeBytes: number, expectedBytes: number | undefined): void {
  if (expectedBytes === undefined || expectedBytes === sizeBytes) return;
  throw replicationError('DW_REPLICATION_LENGTH_MISMATCH', {
    details: { expectedBytes, sizeBytes },
  });
}

async function* onePiece(data: Uint8Array): AsyncGenerator<Uint8Array> {
  yield data;
}

function rethrowTooLarge(error: unknown): never {
  if (!DwError.is(error, 'DW_CONTENT_TOO_LARGE')) throw error;
  throw replicationError('DW_REPLICATION_DOCUMENT_TOO_LARGE', { cause: error });
}
