import {
  type BackingStoreOperation,
  type Clock,
  DwError,
  type IPersistentBackingStore,
  sequenceSegment,
  sha256Hex,
  storePath,
  storePathSegments,
  storePrefix,
} from '@datawarehouse/sdk';
import { z } from 'zod';
import { replicationError } from '../errors/replication-errors.js';
import { decodeStored, encodeStored } from '../persistence/stored-json.js';
import type { Refusal } from './confirmations.js';

/** An event of another node that could not be applied. */
export interface DeadLetter {
  readonly sequence: number;
  readonly error: DwError;
  /** The event as it came. */
  readonly data: Uint8Array;
}

/** Which letter: of which node, and which of its letters. */
export interface DeadLetterName {
  readonly origin: string;
  readonly id: string;
}

/** A letter as it is kept. */
export interface KeptLetter extends DeadLetterName {
  readonly epoch: string;
  readonly sequence: number;
  readonly code: string;
  readonly reason: string;
  readonly keptAtMs: number;
  /** The event as it came, or its beginning. */
  readonly data: Uint8Array;
  readonly isWhole: boolean;
}

/** A page of letters. */
export interface DeadLetterPage {
  readonly letters: readonly KeptLetter[];
  /** Where the next page begins; absent at the end. */
  readonly next?: string | undefined;
}

/** The changes that keep letters. */
export interface DeadLetterChange {
  readonly operations: readonly BackingStoreOperation[];
  /** Letters of the node when the changes are durable. */
  readonly heldCount: number;
}

/** What {@link DeadLetters} work with. */
export interface DeadLettersOptions {
  readonly store: IPersistentBackingStore;
  readonly clock: Clock;
  /**
   * Most letters kept of one node; the oldest go.
   * @defaultValue 1000
   */
  readonly maxLetters?: number;
}

/** Longest part of an event that is kept. */
const maxDataBytes = 32_768;

const letterSchema = z.object({
  v: z.literal(1),
  epoch: z.string(),
  sequence: z.int(),
  code: z.string(),
  reason: z.string(),
  keptAtMs: z.number(),
  dataBase64: z.string(),
  isWhole: z.boolean(),
});

/** Keeps what could not be applied, with the reason, so that nothing is passed over in silence. */
export class DeadLetters {
  readonly #options: DeadLettersOptions;
  readonly #heldCounts: Map<string, number>;

  private constructor(options: DeadLettersOptions, heldCounts: Map<string, number>) {
    this.#options = options;
    this.#heldCounts = heldCounts;
  }

  static async open(options: DeadLettersOptions): Promise<DeadLetters> {
    const heldCounts = new Map<string, number>();
    for await (const path of options.store.list(prefixOf())) {
      const { origin } = nameOf(path);
      heldCounts.set(origin, (heldCounts.get(origin) ?? 0) + 1);
    }
    return new DeadLetters(options, heldCounts);
  }

  /** Letters kept now. */
  get heldCount(): number {
    let count = 0;
    for (const held of this.#heldCounts.values()) count += held;
    return count;
  }

  /** The changes that keep letters, for the batch that moves past their events; then {@link note}. */
  async change(
    origin: string,
    epoch: string,
    letters: readonly DeadLetter[],
  ): Promise<DeadLetterChange> {
    const { store, maxLetters = 1_000 } = this.#options;
    const kept: string[] = [];
    if (letters.length > 0) for await (const path of store.list(prefixOf(origin))) kept.push(path);
    const excess = Math.max(0, kept.length + letters.length - maxLetters);
    const drops = kept.slice(0, excess).map((path) => ({ type: 'delete' as const, path }));
    const writes = letters.slice(-maxLetters).map((letter) => this.#write(origin, epoch, letter));
    const heldCount =
      letters.length > 0
        ? kept.length - drops.length + writes.length
        : (this.#heldCounts.get(origin) ?? 0);
    return { operations: [...drops, ...writes], heldCount };
  }

  /** A change is durable. */
  note(origin: string, { heldCount }: Pick<DeadLetterChange, 'heldCount'>): void {
    if (heldCount === 0) this.#heldCounts.delete(origin);
    else this.#heldCounts.set(origin, heldCount);
  }

  /** What was refused of a part of a log, for a node that asks again about what it sent before. */
  async refusals(
    origin: string,
    epoch: string,
    { from, to }: { readonly from: number; readonly to: number },
  ): Promise<readonly Refusal[]> {
    if (!this.#heldCounts.has(origin)) return [];
    const refusals: Refusal[] = [];
    for await (const path of this.#options.store.list(prefixOf(origin))) {
      const sequence = Number(nameOf(path).id.split('-')[0]);
      if (sequence < from || sequence > to) continue;
      const letter = await this.#read(path);
      if (letter.epoch === epoch) refusals.push({ sequence, code: letter.code });
    }
    return refusals;
  }

  /** Lists letters, oldest first within a node. */
  async list(options: {
    readonly origin?: string | undefined;
    readonly after?: string | undefined;
    readonly limit: number;
  }): Promise<DeadLetterPage> {
    const { origin, after, limit } = options;
    const prefix = prefixOf(origin);
    if (after?.startsWith(prefix) === false) {
      throw replicationError('DW_REPLICATION_INVALID_QUERY', {
        message: 'The parameter after is not what the page before ended with',
      });
    }
    const paths: string[] = [];
    for await (const path of this.#options.store.list(prefix, {
      limit: limit + 1,
      ...(after !== undefined && { after }),
    })) {
      paths.push(path);
    }
    const page = paths.slice(0, limit);
    const letters: KeptLetter[] = [];
    for (const path of page) letters.push(await this.#read(path));
    return { letters, ...(paths.length > limit && { next: page.at(-1) }) };
  }

  /** @throws {@link DwError} `DW_REPLICATION_UNKNOWN_LETTER`, `DW_REPLICATION_RECORD_CORRUPT`. */
  async get(name: DeadLetterName): Promise<KeptLetter> {
    return await this.#read(pathOf(name));
  }

  /** The change that gives a letter up; then {@link noteDropped}. */
  dropOperation(name: DeadLetterName): BackingStoreOperation {
    return { type: 'delete', path: pathOf(name) };
  }

  noteDropped({ origin }: DeadLetterName): void {
    this.note(origin, { heldCount: (this.#heldCounts.get(origin) ?? 1) - 1 });
  }

  /** Gives a letter up for good. @throws {@link DwError} `DW_REPLICATION_UNKNOWN_LETTER`. */
  async drop(name: DeadLetterName): Promise<void> {
    const { store } = this.#options;
    const path = pathOf(name);
    if (!(await store.exists(path))) throw unknownLetter(name);
    await store.delete(path);
    this.noteDropped(name);
  }

  #write(origin: string, epoch: string, { sequence, error, data }: DeadLetter) {
    return {
      type: 'write' as const,
      path: pathOf({ origin, id: idOf(epoch, sequence) }),
      data: encodeStored({
        v: 1,
        epoch,
        sequence,
        code: error.code,
        reason: error.message.slice(0, 2_000),
        keptAtMs: this.#options.clock.now(),
        dataBase64: Buffer.from(data.subarray(0, maxDataBytes)).toString('base64'),
        isWhole: data.byteLength <= maxDataBytes,
      }),
    };
  }

  /** A letter that is damaged itself is one still: it can be seen, and given up. */
  async #read(path: string): Promise<KeptLetter> {
    const name = nameOf(path);
    try {
      const data = await this.#options.store.read(path);
      if (data === undefined) throw unknownLetter(name);
      const { dataBase64, ...rest } = decodeStored(path, data, letterSchema);
      return { ...name, ...rest, data: Buffer.from(dataBase64, 'base64') };
    } catch (error) {
      const isDamaged =
        DwError.is(error, 'DW_REPLICATION_RECORD_CORRUPT') || DwError.is(error, 'DW_STORE_CORRUPT');
      if (!isDamaged) throw error;
      const { code, message: reason } = error;
      const sequence = Number(name.id.split('-')[0]);
      const lost = { epoch: '', keptAtMs: 0, data: new Uint8Array(0), isWhole: false };
      return { ...name, ...lost, sequence, code, reason };
    }
  }
}

/** Sequence and, since another log of the node may have the same one, a digest of the epoch. */
function idOf(epoch: string, sequence: number): string {
  return `${sequence}-${sha256Hex(Buffer.from(epoch)).slice(0, 8)}`;
}

function prefixOf(origin?: string): string {
  return storePrefix('replication', 'dead-letters', ...(origin === undefined ? [] : [origin]));
}

function pathOf({ origin, id }: DeadLetterName): string {
  const [, digits = '', epoch = ''] = /^(\d{1,15})-([0-9a-f]{8})$/.exec(id) ?? [];
  if (digits === '') throw unknownLetter({ origin, id });
  return storePath('replication', 'dead-letters', origin, sequenceSegment(Number(digits)), epoch);
}

function nameOf(path: string): DeadLetterName {
  const [, , origin = '', sequence = '', epoch = ''] = storePathSegments(path);
  return { origin, id: `${Number(sequence)}-${epoch}` };
}

function unknownLetter({ origin, id }: DeadLetterName): DwError {
  return replicationError('DW_REPLICATION_UNKNOWN_LETTER', {
    details: { origin: origin.slice(0, 100), id: id.slice(0, 100) },
  });
}
