import {
  type BackingStoreOperation,
  BoundedCache,
  type Clock,
  type Durability,
  type IPersistentBackingStore,
  KeyedMutex,
  storePath,
  storePathSegments,
  storePrefix,
} from '@datawarehouse/sdk';
import type { CollectionPage } from '../collections/collection.js';
import { decodeRecord, encodeRecord } from '../collections/record-codec.js';
import { aedsError } from '../errors/aeds-errors.js';
import { countMove, noTargets, type TargetCounts } from './target-counts.js';
import {
  isLegalMove,
  isOpenTarget,
  type TargetMove,
  type TargetRecord,
  targetRecordSchema,
} from './target-record.js';

/** Jobs whose counts are kept in memory; the others' are counted again when asked for. */
const countedJobs = 1000;
const batchSize = 500;

/** Told after a target has come into a final state, with the counts of its job then. */
export type SettleListener = (jobId: string, counts: TargetCounts) => Promise<void>;

/**
 * The truth about deliveries: one record a target, and beside it, while the server waits for the
 * client, an entry in the client's inbox. Counts are derived from the records alone.
 */
export class TargetLedger {
  readonly #store: IPersistentBackingStore;
  readonly #clock: Clock;
  /** One lock a job: a move, its record and the job's counts change together. */
  readonly #locks = new KeyedMutex();
  readonly #counts = new BoundedCache<string, TargetCounts>({ maxEntries: countedJobs });
  #onSettle: SettleListener = async () => undefined;

  constructor(store: IPersistentBackingStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Who is told of final states. There is one. */
  set onSettle(listener: SettleListener) {
    this.#onSettle = listener;
  }

  /** Adds targets; those that are there already stay as they are. */
  open(jobId: string, clientIds: readonly string[], signal?: AbortSignal): Promise<TargetCounts> {
    return this.#locks.run(jobId, async () => {
      let counts = await this.#count(jobId);
      for (let start = 0; start < clientIds.length; start += batchSize) {
        signal?.throwIfAborted();
        const fresh = await this.#absent(jobId, clientIds.slice(start, start + batchSize));
        const now = this.#clock.now();
        const records = fresh.map(
          (clientId): TargetRecord => ({
            jobId,
            clientId,
            state: 'pending',
            attempt: 0,
            createdAt: now,
            updatedAt: now,
          }),
        );
        if (records.length > 0) await this.#store.batch(records.flatMap(operationsFor));
        for (const { state } of records) counts = countMove(counts, undefined, state);
        this.#counts.set(jobId, counts);
      }
      return counts;
    });
  }

  /**
   * Moves a target. Reporting its state again changes nothing.
   *
   * @throws DwError `DW_AEDS_NOT_A_TARGET`, `DW_AEDS_ILLEGAL_MOVE`.
   */
  async move(jobId: string, clientId: string, move: TargetMove): Promise<TargetRecord> {
    const { record, settled } = await this.#locks.run(jobId, async () => {
      const current = await this.get(jobId, clientId);
      if (current === undefined) {
        throw aedsError('DW_AEDS_NOT_A_TARGET', { details: { jobId, clientId } });
      }
      if (current.state === move.state && move.state !== 'downloading') {
        return { record: current, settled: undefined };
      }
      return await this.#apply(current, move);
    });
    if (settled !== undefined) await this.#onSettle(jobId, settled);
    return record;
  }

  /** Closes every target that the server still waits for. */
  async closeOpen(jobId: string, state: 'expired' | 'cancelled', code?: string): Promise<void> {
    const move = { state, ...(code !== undefined && { code }) };
    let after: string | undefined;
    for (;;) {
      const page = await this.targets(jobId, {
        limit: batchSize,
        ...(after !== undefined && { after }),
      });
      for (const { clientId, state: current } of page) {
        if (isOpenTarget(current)) await this.closeTarget(jobId, clientId, move);
      }
      after = page.at(-1)?.clientId;
      if (page.length < batchSize) return;
    }
  }

  /** Waits again for the targets that were cancelled for a reason. */
  async reopen(jobId: string, code: string): Promise<void> {
    let after: string | undefined;
    for (;;) {
      const page = await this.targets(jobId, {
        limit: batchSize,
        ...(after !== undefined && { after }),
      });
      for (const { clientId } of page) await this.#reopen(jobId, clientId, code);
      after = page.at(-1)?.clientId;
      if (page.length < batchSize) return;
    }
  }

  /** Closes a target, unless its client's report came first. */
  async closeTarget(jobId: string, clientId: string, move: TargetMove): Promise<void> {
    const settled = await this.#locks.run(jobId, async () => {
      const current = await this.get(jobId, clientId);
      if (current === undefined || !isOpenTarget(current.state)) return undefined;
      return (await this.#apply(current, move)).settled;
    });
    if (settled !== undefined) await this.#onSettle(jobId, settled);
  }

  async get(jobId: string, clientId: string): Promise<TargetRecord | undefined> {
    const path = targetPath(jobId, clientId);
    const data = await this.#store.read(path);
    return data && decodeRecord(targetRecordSchema, path, data);
  }

  counts(jobId: string): Promise<TargetCounts> {
    return this.#locks.run(jobId, () => this.#count(jobId));
  }

  /** A page of a job's targets, by client id. */
  async targets(jobId: string, page: CollectionPage): Promise<readonly TargetRecord[]> {
    const { after, ...rest } = page;
    const records: TargetRecord[] = [];
    const scan = this.#store.scan(storePrefix('aeds', 'ledger', jobId), {
      ...rest,
      ...(after !== undefined && { after: targetPath(jobId, after) }),
    });
    for await (const { path, data } of scan)
      records.push(decodeRecord(targetRecordSchema, path, data));
    return records;
  }

  /** Jobs that wait for a client, oldest first. */
  async *inbox(clientId: string): AsyncGenerator<string> {
    for await (const path of this.#store.list(storePrefix('aeds', 'inbox', clientId))) {
      const jobId = storePathSegments(path).at(-1);
      if (jobId !== undefined) yield jobId;
    }
  }

  #reopen(jobId: string, clientId: string, code: string): Promise<void> {
    return this.#locks.run(jobId, async () => {
      const current = await this.get(jobId, clientId);
      if (current?.state !== 'cancelled' || current.code !== code) return;
      await this.#apply(current, { state: 'pending' });
    });
  }

  async #apply(
    current: TargetRecord,
    move: TargetMove,
  ): Promise<{ readonly record: TargetRecord; readonly settled: TargetCounts | undefined }> {
    const { jobId, clientId } = current;
    if (!isLegalMove(current.state, move.state)) {
      throw aedsError('DW_AEDS_ILLEGAL_MOVE', {
        message: `A target cannot go from ${current.state} to ${move.state}`,
        details: { jobId, clientId, from: current.state, to: move.state },
      });
    }
    const counts = await this.#count(jobId);
    const record = moved(current, move, this.#clock.now());
    try {
      await this.#store.batch(operationsFor(record), { durability: durabilityOf(record) });
    } catch (error) {
      // Nobody knows whether it was written: count again next time.
      this.#counts.delete(jobId);
      throw error;
    }
    const next = countMove(counts, current.state, record.state);
    this.#counts.set(jobId, next);
    return { record, settled: isOpenTarget(record.state) ? undefined : next };
  }

  /** Counts of a job, from memory or from its records. Called under the job's lock. */
  async #count(jobId: string): Promise<TargetCounts> {
    const known = this.#counts.get(jobId);
    if (known !== undefined) return known;
    let counts = noTargets;
    for await (const { path, data } of this.#store.scan(storePrefix('aeds', 'ledger', jobId))) {
      counts = countMove(counts, undefined, decodeRecord(targetRecordSchema, path, data).state);
    }
    this.#counts.set(jobId, counts);
    return counts;
  }

  async #absent(jobId: string, clientIds: readonly string[]): Promise<readonly string[]> {
    const found = await Promise.all(
      clientIds.map((clientId) => this.#store.exists(targetPath(jobId, clientId))),
    );
    return clientIds.filter((_, index) => found[index] === false);
  }
}

function targetPath(jobId: string, clientId: string): string {
  return storePath('aeds', 'ledger', jobId, clientId);
}

/** The record after a move. Progress stays known; a reason belongs to the state it came with. */
function moved(current: TargetRecord, move: TargetMove, updatedAt: number): TargetRecord {
  const { jobId, clientId, attempt, createdAt, bytes } = current;
  const progress = bytes !== undefined && { bytes };
  return { jobId, clientId, attempt, createdAt, ...progress, ...move, updatedAt };
}

/** A target's record, and its entry in the client's inbox for as long as it is open. */
function operationsFor(record: TargetRecord): readonly BackingStoreOperation[] {
  const inbox = storePath('aeds', 'inbox', record.clientId, record.jobId);
  return [
    {
      type: 'write',
      path: targetPath(record.jobId, record.clientId),
      data: encodeRecord(record),
    },
    isOpenTarget(record.state)
      ? { type: 'write', path: inbox, data: new Uint8Array(0) }
      : { type: 'delete', path: inbox },
  ];
}

/** Progress may be lost with the power, since the client reports it again; an end may not. */
function durabilityOf(record: TargetRecord): Durability {
  return isOpenTarget(record.state) ? 'os' : 'disk';
}
