import { type ContentStore, DwError, type Logger } from '@datawarehouse/sdk';
import { replicationError } from '../errors/replication-errors.js';
import type { ObjectApplier } from '../objects/object-applier.js';
import type { ObjectRecord } from '../objects/object-record.js';
import type { PayloadSource } from '../objects/payload-source.js';
import type { RemoteBatch } from '../objects/remote-batch.js';
import type { PullCounts } from '../queue/peer-messages.js';
import { decodeEvent } from '../queue/replication-event.js';
import type { ReplicationCounters } from '../scaling/replication-counters.js';
import { prefetchChunks } from './prefetch-chunks.js';

/** What {@link RemoteVersions} work with. */
export interface RemoteVersionsOptions {
  readonly content: ContentStore;
  readonly applier: ObjectApplier;
  readonly counters: ReplicationCounters;
  readonly logger: Logger;
}

/** Versions of another node, in their written form. */
export interface EncodedVersions {
  /** The node. */
  readonly origin: string;
  readonly events: readonly Uint8Array[];
  /** Its contents, with what came along. */
  readonly source: (inline?: ReadonlyMap<string, Uint8Array>) => PayloadSource;
  /** Tells whether the version was asked for. Default: all were. */
  readonly isAsked?: ((record: ObjectRecord) => boolean) | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly operations?: RemoteBatch['operations'];
}

/** Objects applied at a time, which bounds what is held in memory. */
const sliceLength = 64;

/** Nothing done. */
export const noCounts: PullCounts = { changedCount: 0, conflictCount: 0, refusedCount: 0 };

/** Adds up what exchanges have done. */
export function addCounts(a: PullCounts, b: PullCounts): PullCounts {
  return {
    changedCount: a.changedCount + b.changedCount,
    conflictCount: a.conflictCount + b.conflictCount,
    refusedCount: a.refusedCount + b.refusedCount,
  };
}

/** Applies versions that other nodes listed, bundled or were asked for. */
export class RemoteVersions {
  readonly #options: RemoteVersionsOptions;

  constructor(options: RemoteVersionsOptions) {
    this.#options = options;
  }

  /**
   * Applies versions, slice by slice. What is refused is counted and logged.
   *
   * @throws {@link DwError} `DW_REPLICATION_INVALID_MESSAGE` for a version that was not asked for,
   *   or what stands in the way of asking.
   */
  async apply(versions: EncodedVersions): Promise<PullCounts> {
    const { origin, events, isAsked = () => true } = versions;
    let counts = noCounts;
    for (let at = 0; at < events.length; at += sliceLength) {
      const slice = events.slice(at, at + sliceLength);
      const records = slice.flatMap((event) => this.#decode(origin, event) ?? []);
      if (!records.every(isAsked)) {
        throw replicationError('DW_REPLICATION_INVALID_MESSAGE', {
          message: 'An answer of another node holds objects that it was not asked for',
          details: { origin },
        });
      }
      const unreadCount = slice.length - records.length;
      counts = addCounts(counts, await this.#applySlice(versions, records, unreadCount));
    }
    return counts;
  }

  async #applySlice(
    { origin, source, signal, operations }: EncodedVersions,
    records: readonly ObjectRecord[],
    unreadCount: number,
  ): Promise<PullCounts> {
    const { applier, content, counters, logger } = this.#options;
    const chunks = await prefetchChunks(records, content, source(), signal);
    const { changedCount, conflictCount, refused } = await applier.apply({
      ...{ records, source: source(chunks), signal },
      ...(operations && { operations }),
    });
    for (const { record, error } of refused) {
      const { namespace, key } = record;
      counters.deadLetters += 1;
      logger.error({ origin, namespace, key, error }, 'a version was refused');
    }
    return { changedCount, conflictCount, refusedCount: refused.length + unreadCount };
  }

  /** One version that cannot be read, say of a newer release, does not keep the others away. */
  #decode(origin: string, event: Uint8Array): ObjectRecord | undefined {
    try {
      return decodeEvent(event);
    } catch (error) {
      if (!DwError.is(error, 'DW_REPLICATION_INVALID_EVENT')) throw error;
      this.#options.counters.deadLetters += 1;
      this.#options.logger.error({ origin, error }, 'a version cannot be read');
      return undefined;
    }
  }
}
