import { type ContentStore, contentError, DwError, type StagedContent } from '@datawarehouse/sdk';
import { mergeVersions, replaces } from '../conflict/version-merge.js';
import { replicationError } from '../errors/replication-errors.js';
import type { HybridClock } from './hybrid-clock.js';
import type { ObjectRecord } from './object-record.js';
import type { ObjectTable } from './object-table.js';
import type { RefusedRecord, RemoteBatch } from './remote-batch.js';

/** What an {@link ArrivalStager} works with. */
export interface ArrivalStagerOptions {
  readonly content: ContentStore;
  readonly table: ObjectTable;
  readonly versions: HybridClock;
  readonly maxObjectBytes: number;
  readonly batch: Pick<RemoteBatch, 'source' | 'signal'>;
  /** Takes the versions that cannot be applied. */
  readonly refused: RefusedRecord[];
}

/** Versions of one object, with the contents that this node lacked. */
export interface Arrival {
  readonly path: string;
  readonly records: readonly ObjectRecord[];
  readonly staged: readonly StagedContent[];
}

/** Codes for which asking again would not help. */
const refusals: ReadonlySet<string> = new Set([
  'DW_REPLICATION_CLOCK_DRIFT',
  'DW_REPLICATION_PAYLOAD_MISSING',
  'DW_REPLICATION_TOO_MANY_SIBLINGS',
  'DW_CONTENT_MISMATCH',
  'DW_CONTENT_TOO_LARGE',
  'DW_CONTENT_BAD_REFERENCE',
]);

const maxSubstitutes = 3;

/** Versions that may stand beside one another, more than sound nodes ever leave. */
const maxVersions = 512;

/**
 * Gets the contents here that versions of one object need, unless they would be replaced anyway. A
 * version that is refused counts as not there, so that one before it may stay.
 */
export class ArrivalStager {
  readonly #path: string;
  readonly #options: ArrivalStagerOptions;
  readonly #staged = new Map<string, StagedContent>();
  /** Which version of the batch another one stands for. */
  readonly #origins = new Map<ObjectRecord, ObjectRecord>();
  #substituteCount = 0;

  constructor(path: string, options: ArrivalStagerOptions) {
    this.#path = path;
    this.#options = options;
  }

  async stage(records: readonly ObjectRecord[]): Promise<Arrival> {
    let wanted = records.filter((record) => this.#observe(record));
    try {
      for (;;) {
        const merged = await this.#merge(wanted);
        const excess =
          merged.length > maxVersions && merged.findLast((one) => wanted.includes(one));
        if (excess) {
          this.#refuse(excess, replicationError('DW_REPLICATION_TOO_MANY_SIBLINGS'));
          wanted = wanted.filter((record) => record !== excess);
          continue;
        }
        const lacking = merged.find((one) => wanted.includes(one) && this.#isLacking(one));
        if (lacking === undefined) break;
        const substitutes = await this.#fetch(lacking);
        if (substitutes === undefined) continue;
        wanted = [...wanted.filter((record) => record !== lacking), ...substitutes];
      }
      return { path: this.#path, records: wanted, staged: [...this.#staged.values()] };
    } catch (error) {
      for (const staged of this.#staged.values()) staged[Symbol.dispose]();
      throw error;
    }
  }

  #observe(record: ObjectRecord): boolean {
    try {
      this.#options.versions.observe(record.version);
      return true;
    } catch (error) {
      this.#refuse(record, error);
      return false;
    }
  }

  async #merge(wanted: readonly ObjectRecord[]): Promise<readonly ObjectRecord[]> {
    return mergeVersions((await this.#options.table.readForChange(this.#path)) ?? [], wanted);
  }

  #isLacking({ payload }: ObjectRecord): boolean {
    return payload !== undefined && !this.#staged.has(payload.digest);
  }

  /** @returns What takes the place of the version, where it cannot be had. */
  async #fetch(record: ObjectRecord): Promise<readonly ObjectRecord[] | undefined> {
    const { content, maxObjectBytes, batch } = this.#options;
    const { source, signal } = batch;
    const { payload } = record;
    if (payload === undefined) return undefined;
    try {
      // The list of its chunks comes from the same node, and is as long as the size says.
      if (payload.sizeBytes > maxObjectBytes) {
        throw contentError('DW_CONTENT_TOO_LARGE', {
          details: { sizeBytes: payload.sizeBytes, maxBytes: maxObjectBytes },
        });
      }
      const digests = await source.chunkDigests(payload, signal);
      const options = { owner: this.#path, ...(signal && { signal }) };
      const staged = await content.assemble(payload, digests, source.chunks, options);
      this.#staged.set(payload.digest, staged);
      return undefined;
    } catch (error) {
      const substitutes = DwError.is(error, 'DW_REPLICATION_PAYLOAD_MISSING')
        ? await this.#substitutes(record)
        : [];
      if (substitutes.length === 0) this.#refuse(record, error);
      return substitutes;
    }
  }

  /** The other node may have overwritten the object since, and let its old content go. */
  async #substitutes(record: ObjectRecord): Promise<readonly ObjectRecord[]> {
    if (this.#substituteCount === maxSubstitutes) return [];
    this.#substituteCount += 1;
    const { source, signal } = this.#options.batch;
    const current = await source.current(record, signal);
    if (!current.some((newer) => replaces(newer, record))) return [];
    const origin = this.#origins.get(record) ?? record;
    for (const newer of current) this.#origins.set(newer, origin);
    return current.filter((newer) => this.#observe(newer));
  }

  #refuse(record: ObjectRecord, error: unknown): void {
    if (!DwError.is(error) || !refusals.has(error.code)) throw error;
    this.#options.refused.push({ record: this.#origins.get(record) ?? record, error });
  }
}
