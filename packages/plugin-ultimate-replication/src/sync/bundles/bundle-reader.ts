import { createHash, type Hash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import {
  contentChunkCount,
  DwError,
  type IPersistentBackingStore,
  type PayloadReference,
  verifyEd25519,
} from '@datawarehouse/sdk';
import { replicationError } from '../../errors/replication-errors.js';
import type { PayloadSource } from '../../objects/payload-source.js';
import { decodeEvent } from '../../queue/replication-event.js';
import {
  BUNDLE_MAGIC,
  type BundleFrame,
  type BundleHeader,
  bundleEndSchema,
  bundleHeaderSchema,
  DIGEST_OFFSET,
  damaged,
  frameTypes,
  readExactly,
  readFrame,
  SHA256_BYTES,
  sha256,
  signedBytes,
} from './bundle-format.js';
import { BundleIndex } from './bundle-index.js';

/** Which key a node's bundles are signed with; `undefined` where none is trusted. */
export type TrustedKey = (nodeId: string) => string | undefined;

/** A record in a bundle. */
export interface BundledRecord {
  readonly event: Uint8Array;
  /** Where the next frame begins. */
  readonly next: number;
}

interface Running {
  readonly hash: Hash;
  /** Root and length of the list that is being read. */
  list: { readonly root: string; readonly hash: Hash; count: number } | undefined;
  recordCount: number;
  chunkCount: number;
}

const recordsAndEnd: ReadonlySet<number> = new Set([frameTypes.record, frameTypes.end]);

/** Reads a bundle in a file: first as a whole to verify it, then record by record. */
export class BundleReader implements AsyncDisposable {
  readonly header: BundleHeader;
  readonly #file: FileHandle;
  readonly #index: BundleIndex;
  readonly #firstAt: number;
  #recordCount = 0;

  private constructor(file: FileHandle, index: BundleIndex, header: BundleHeader, firstAt: number) {
    this.#file = file;
    this.#index = index;
    this.header = header;
    this.#firstAt = firstAt;
  }

  /**
   * Reads the header, which nothing vouches for until {@link BundleReader.verify} has resolved.
   *
   * @param file - Stays the caller's to close.
   * @throws {@link DwError} `DW_REPLICATION_BUNDLE_DAMAGED`.
   */
  static async open(file: FileHandle, store: IPersistentBackingStore): Promise<BundleReader> {
    const magic = await readExactly(file, 0, BUNDLE_MAGIC.length);
    if (!magic.equals(BUNDLE_MAGIC)) throw damaged('it is no bundle');
    const frame = await readFrame(file, BUNDLE_MAGIC.length);
    if (frame.type !== frameTypes.header) throw damaged('it does not begin with a header');
    const header = parse(bundleHeaderSchema, frame.body);
    return new BundleReader(file, new BundleIndex(store), header, frame.next);
  }

  /** Records in the bundle, once it is verified. */
  get recordCount(): number {
    return this.#recordCount;
  }

  /**
   * Verifies every byte: frames, digests, that nothing is missing, and the signature.
   *
   * @throws {@link DwError} `DW_REPLICATION_BUNDLE_DAMAGED`, `DW_REPLICATION_BUNDLE_UNTRUSTED`.
   */
  async verify(trustedKey: TrustedKey, onProgress?: (ratio: number) => void): Promise<void> {
    const { size } = await this.#file.stat();
    const key = trustedKey(this.header.origin);
    if (key === undefined) throw untrusted(this.header.origin, 'its key is not known here');
    const hash = createHash('sha256');
    hash.update(await readExactly(this.#file, 0, this.#firstAt));
    const running: Running = { hash, list: undefined, recordCount: 0, chunkCount: 0 };
    let at = this.#firstAt;
    for (;;) {
      const frame = await readFrame(this.#file, at);
      hash.update(await readExactly(this.#file, at, DIGEST_OFFSET - SHA256_BYTES));
      hash.update(frame.body);
      at = frame.next;
      if (frame.type === frameTypes.end) {
        const end = parse(bundleEndSchema, frame.body);
        const { recordCount, chunkCount } = running;
        if (end.recordCount !== recordCount || end.chunkCount !== chunkCount) {
          throw damaged('its counts do not fit');
        }
        break;
      }
      await this.#check(frame, running);
      onProgress?.(at / size);
    }
    const signature = await readFrame(this.#file, at);
    if (signature.type !== frameTypes.signature) throw damaged('it is not signed');
    if (signature.next !== size) throw damaged('something follows its end');
    if (!verifyEd25519(signedBytes(hash), signature.body.toString('base64url'), key)) {
      throw untrusted(this.header.origin, 'it is not signed with the key of its node');
    }
    this.#recordCount = running.recordCount;
  }

  /** Yields the records of a verified bundle, from a place on. */
  async *records(from: number = this.#firstAt): AsyncGenerator<BundledRecord> {
    let at = from;
    for (;;) {
      const frame = await readFrame(this.#file, at, recordsAndEnd);
      if (frame.type === frameTypes.end) return;
      at = frame.next;
      if (frame.type === frameTypes.record) yield { event: frame.body, next: at };
    }
  }

  /** The contents of a verified bundle. `inline` holds chunks that were read already. */
  payloads(inline: ReadonlyMap<string, Uint8Array> = new Map()): PayloadSource {
    return {
      chunkDigests: (reference) => this.#chunkDigests(reference),
      chunks: async (digests) => {
        const chunks: Uint8Array[] = [];
        for (const digest of digests)
          chunks.push(inline.get(digest) ?? (await this.#chunk(digest)));
        return chunks;
      },
      current: async () => [],
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#index[Symbol.asyncDispose]();
  }

  async #check(frame: BundleFrame, running: Running): Promise<void> {
    const { type, body } = frame;
    if (type === frameTypes.chunk) await this.#checkChunk(frame, running);
    else if (type === frameTypes.list) await this.#checkList(frame, running);
    else if (type === frameTypes.record) {
      await this.#endList(running);
      running.recordCount += 1;
      await this.#checkRecord(body);
    } else throw damaged('its frames are out of order');
  }

  async #checkChunk({ body, at }: BundleFrame, running: Running): Promise<void> {
    await this.#endList(running);
    const digest = body.subarray(0, SHA256_BYTES);
    if (!sha256(body.subarray(SHA256_BYTES)).equals(digest)) {
      throw damaged('a chunk does not fit its digest');
    }
    running.chunkCount += 1;
    await this.#index.add(`sha256:${digest.toString('hex')}`, at);
  }

  /** Lists are verified as they pass, since one may be longer than should be in memory. */
  async #checkList({ body, at }: BundleFrame, running: Running): Promise<void> {
    if (body.length % SHA256_BYTES !== 0) throw damaged('a list has a part of a digest');
    const root = body.toString('hex', 0, SHA256_BYTES);
    if (running.list?.root !== root) await this.#endList(running);
    running.list ??= { root, hash: createHash('sha256'), count: 0 };
    running.list.hash.update(body.subarray(SHA256_BYTES));
    running.list.count += body.length / SHA256_BYTES - 1;
    for (let digestAt = SHA256_BYTES; digestAt < body.length; digestAt += SHA256_BYTES) {
      const digest = body.toString('hex', digestAt, digestAt + SHA256_BYTES);
      if (!(await this.#index.has(`sha256:${digest}`))) throw damaged('a chunk is missing');
    }
    await this.#index.add(`list:${root}`, at);
  }

  async #endList(running: Running): Promise<void> {
    const { list } = running;
    if (list === undefined) return;
    running.list = undefined;
    if (list.hash.digest('hex') !== list.root) throw damaged('a list does not fit its digest');
    await this.#index.add(`sha256-chunks:${list.root}`, list.count);
  }

  async #checkRecord(event: Buffer): Promise<void> {
    let payload: PayloadReference | undefined;
    try {
      ({ payload } = decodeEvent(event));
    } catch (error) {
      // A version of a newer release is counted when it is applied; it harms no other.
      if (!DwError.is(error, 'DW_REPLICATION_INVALID_EVENT')) throw error;
    }
    if (payload === undefined || payload.sizeBytes === 0) return;
    const chunkCount = contentChunkCount(payload.sizeBytes);
    const [found] = await this.#index.places(payload.digest);
    const isThere = chunkCount === 1 ? found !== undefined : found === chunkCount;
    if (!isThere) throw damaged('the content of an object is missing');
  }

  async #chunkDigests({ digest, sizeBytes }: PayloadReference): Promise<readonly string[]> {
    if (sizeBytes === 0) return [];
    const hex = digest.slice(digest.indexOf(':') + 1);
    if (digest.startsWith('sha256:')) return [hex];
    const digests: string[] = [];
    for (const at of await this.#index.places(`list:${hex}`)) {
      const { body } = await readFrame(this.#file, at);
      for (let digestAt = SHA256_BYTES; digestAt < body.length; digestAt += SHA256_BYTES) {
        digests.push(body.toString('hex', digestAt, digestAt + SHA256_BYTES));
      }
    }
    return digests;
  }

  async #chunk(digest: string): Promise<Uint8Array> {
    const [at] = await this.#index.places(`sha256:${digest}`);
    if (at === undefined) {
      throw replicationError('DW_REPLICATION_PAYLOAD_MISSING', { details: { digest } });
    }
    const { body } = await readFrame(this.#file, at);
    return body.subarray(SHA256_BYTES);
  }
}

function parse<T>(schema: { readonly parse: (value: unknown) => T }, body: Buffer): T {
  try {
    return schema.parse(JSON.parse(body.toString('utf8')));
  } catch (cause) {
    throw damaged('what it says of itself cannot be read', cause);
  }
}

function untrusted(origin: string, reason: string): Error {
  return replicationError('DW_REPLICATION_BUNDLE_UNTRUSTED', {
    message: `The bundle says that it is of ${origin}, but ${reason}`,
    details: { origin, reason },
  });
}
