import { type FileHandle, open } from 'node:fs/promises';
import {
  type BackingStoreOperation,
  type IPersistentBackingStore,
  KeyedMutex,
  storePath,
} from '@datawarehouse/sdk';
import { z } from 'zod';
import { replicationError } from '../../errors/replication-errors.js';
import { decodeStored, encodeStored } from '../../persistence/stored-json.js';
import type { OriginPositions } from '../../queue/origin-positions.js';
import type { PullCounts } from '../../queue/peer-messages.js';
import { addCounts, noCounts, type RemoteVersions } from '../remote-versions.js';
import type { BundleHeader } from './bundle-format.js';
import { BundleReader, type TrustedKey } from './bundle-reader.js';
import type { ReplicaPlaces } from './replica-places.js';

/** What a {@link BundleImporter} works with. */
export interface BundleImporterOptions {
  /** Id of this node. */
  readonly nodeId: string;
  readonly store: IPersistentBackingStore;
  readonly versions: RemoteVersions;
  readonly positions: OriginPositions;
  readonly places: ReplicaPlaces;
}

/** How to import. */
export interface ImportOptions {
  readonly trustedKey: TrustedKey;
  /** Refuses a bundle of any other node. */
  readonly origin?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((state: 'verifying' | 'applying', ratio: number) => void) | undefined;
}

/** What an import has done. */
export interface ImportOutcome extends PullCounts {
  readonly header: BundleHeader;
  readonly recordCount: number;
}

const sliceLength = 64;
const progressSchema = z.object({ at: z.int().min(0) });

/** Imports bundles: verified as a whole first, then applied slice by slice, each durable. */
export class BundleImporter {
  readonly #options: BundleImporterOptions;
  readonly #lock = new KeyedMutex();

  constructor(options: BundleImporterOptions) {
    this.#options = options;
  }

  /**
   * Imports a bundle. Interrupted, it goes on where it was when called again.
   *
   * @throws {@link DwError} `DW_REPLICATION_BUNDLE_DAMAGED`, `DW_REPLICATION_BUNDLE_UNTRUSTED`,
   *   `DW_REPLICATION_BUNDLE_MISDIRECTED`, `DW_REPLICATION_BUNDLE_GAP`; nothing is changed then.
   */
  async import(path: string, options: ImportOptions): Promise<ImportOutcome> {
    await using file = await openFile(path);
    await using reader = await BundleReader.open(file, this.#options.store);
    this.#assertAddressed(reader.header, options);
    await reader.verify(options.trustedKey, (ratio) => options.onProgress?.('verifying', ratio));
    // One at a time of each node: each decides by what the one before has left.
    return await this.#lock.run(reader.header.origin, () => this.#apply(reader, options));
  }

  async #apply(reader: BundleReader, options: ImportOptions): Promise<ImportOutcome> {
    const { header, recordCount } = reader;
    this.#assertGapless(header);
    const { store } = this.#options;
    const progressPath = storePath('replication', 'bundles', 'progress', header.bundleId);
    const kept = await store.read(progressPath);
    let at = kept && decodeStored(progressPath, kept, progressSchema).at;
    let counts = noCounts;
    let events: Uint8Array[] = [];
    let doneCount = 0;
    const flush = async (next: number): Promise<void> => {
      const progress = encodeStored({ at: next });
      const operation = { type: 'write', path: progressPath, data: progress } as const;
      counts = addCounts(counts, await this.#applySlice(reader, events, [operation], options));
      doneCount += events.length;
      events = [];
      options.onProgress?.('applying', doneCount / recordCount);
    };
    for await (const { event, next } of reader.records(at)) {
      options.signal?.throwIfAborted();
      events.push(event);
      at = next;
      if (events.length === sliceLength) await flush(next);
    }
    if (events.length > 0 && at !== undefined) await flush(at);
    await this.#finish(header, progressPath);
    return { ...counts, header, recordCount };
  }

  #applySlice(
    reader: BundleReader,
    events: readonly Uint8Array[],
    operations: readonly BackingStoreOperation[],
    { signal }: ImportOptions,
  ): Promise<PullCounts> {
    return this.#options.versions.apply({
      ...{ origin: reader.header.origin, events, signal },
      source: (inline) => reader.payloads(inline),
      operations: async () => operations,
    });
  }

  /** Takes note of what the bundle stands for, once all of it is applied. */
  async #finish({ origin, range, received }: BundleHeader, progressPath: string): Promise<void> {
    const { store, positions, places } = this.#options;
    await positions.exclusive(origin, async () => {
      const operations: BackingStoreOperation[] = [{ type: 'delete', path: progressPath }];
      const now = positions.get(origin);
      const isFurther =
        range !== undefined && (now?.epoch !== range.epoch || now.sequence < range.to);
      const position = isFurther && { epoch: range.epoch, sequence: range.to };
      if (position) operations.push(positions.operation(origin, position));
      await store.batch(operations);
      if (position) positions.note(origin, position);
    });
    await places.learn(origin, received);
  }

  #assertAddressed({ audience, origin }: BundleHeader, options: ImportOptions): void {
    const { nodeId } = this.#options;
    if (audience !== nodeId) {
      throw replicationError('DW_REPLICATION_BUNDLE_MISDIRECTED', {
        message: `The bundle is for ${audience}, and this node is ${nodeId}`,
        details: { audience, nodeId },
      });
    }
    if (origin !== (options.origin ?? origin) || origin === nodeId) {
      throw replicationError('DW_REPLICATION_BUNDLE_MISDIRECTED', {
        message: `The bundle is of ${origin}, not of ${options.origin ?? 'another node'}`,
        details: { origin, expected: options.origin },
      });
    }
  }

  #assertGapless({ origin, range }: BundleHeader): void {
    // All that a node has leaves no gap, and a part by names or time does not claim to be a range.
    if (range === undefined || range.from === 0) return;
    const position = this.#options.positions.get(origin);
    const isSameLog = position?.epoch === range.epoch;
    if (isSameLog && position.sequence >= range.from) return;
    throw replicationError('DW_REPLICATION_BUNDLE_GAP', {
      message: isSameLog
        ? `The bundle begins behind ${range.from} in the log of ${origin}, and this node is at ${position.sequence}`
        : `The bundle continues a log of ${origin} that this node has not followed`,
      details: { origin, range, position, expects: isSameLog ? position.sequence : 0 },
    });
  }
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r');
  } catch (cause) {
    throw replicationError('DW_REPLICATION_FILE', {
      message: `${path} cannot be read`,
      details: { path },
      cause,
    });
  }
}
