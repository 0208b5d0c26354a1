import { createHash, randomUUID } from 'node:crypto';
import {
  type Clock,
  type ContentStore,
  DwError,
  type INodeIdentity,
  type IPersistentBackingStore,
  type LogPosition,
  type PayloadReference,
  type WriteAheadLog,
} from '@datawarehouse/sdk';
import { replicationError } from '../../errors/replication-errors.js';
import { objectPath } from '../../objects/object-name.js';
import type { ObjectRecord } from '../../objects/object-record.js';
import { type ObjectState, statePath } from '../../objects/object-state.js';
import type { ObjectTable } from '../../objects/object-table.js';
import { decodeEvent, encodeEvent } from '../../queue/replication-event.js';
import { compilePattern } from '../../routing/route-pattern.js';
import {
  BUNDLE_MAGIC,
  type BundleHeader,
  encodeFrame,
  frameTypes,
  LIST_PART_LENGTH,
  sha256,
  signedBytes,
} from './bundle-format.js';
import { BundleIndex } from './bundle-index.js';

/** What a {@link BundleWriter} works with. */
export interface BundleWriterOptions {
  readonly node: INodeIdentity;
  readonly store: IPersistentBackingStore;
  readonly table: ObjectTable;
  readonly content: ContentStore;
  readonly log: WriteAheadLog;
  readonly clock: Clock;
  readonly mayLeave: (record: ObjectRecord) => boolean;
  /** How far this node is in another node's log. */
  readonly received: (nodeId: string) => LogPosition | undefined;
}

/** What to export. */
export interface BundleRequest {
  /** Node that the bundle is for; no other one takes it. */
  readonly audience: string;
  /** Glob over namespaces. */
  readonly dataSetFilter?: string | undefined;
  /** Only versions written since, in milliseconds since the epoch. */
  readonly sinceMs?: number | undefined;
  /** Only what this node wrote behind this place in its log. */
  readonly afterSequence?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

const maxAttempts = 4;

/** Writes bundles: objects with their content in one signed stream, for one other node. */
export class BundleWriter {
  readonly #options: BundleWriterOptions;

  constructor(options: BundleWriterOptions) {
    this.#options = options;
  }

  /**
   * Yields a bundle. Every chunk is in it once, before the first object that needs it.
   *
   * @throws {@link DwError} `DW_REPLICATION_BUNDLE_RANGE`, `DW_REPLICATION_INVALID_PATTERN`,
   *   `DW_REPLICATION_PAYLOAD_MISSING`.
   */
  async *write(request: BundleRequest): AsyncGenerator<Uint8Array> {
    const { node, store } = this.#options;
    const header = this.#header(request);
    await using index = new BundleIndex(store);
    const hash = createHash('sha256');
    const hashed = (bytes: Buffer): Buffer => {
      hash.update(bytes);
      return bytes;
    };
    yield hashed(BUNDLE_MAGIC);
    yield hashed(encodeFrame(frameTypes.header, json(header)));
    let recordCount = 0;
    let chunkCount = 0;
    for await (const state of this.#states(request, header, index)) {
      for await (const frame of this.#object(state, request, index)) {
        if (frame[0] === frameTypes.record) recordCount += 1;
        if (frame[0] === frameTypes.chunk) chunkCount += 1;
        yield hashed(frame);
      }
      request.signal?.throwIfAborted();
    }
    yield hashed(encodeFrame(frameTypes.end, json({ recordCount, chunkCount })));
    yield encodeFrame(frameTypes.signature, node.sign(signedBytes(hash)));
  }

  #header(request: BundleRequest): BundleHeader {
    const { node, log, clock, received } = this.#options;
    const { audience, dataSetFilter, sinceMs, afterSequence } = request;
    const from = afterSequence ?? 0;
    if (from > log.headSequence || (afterSequence !== undefined && from + 1 < log.tailSequence)) {
      throw outOfRange(from, log);
    }
    const isWhole = dataSetFilter === undefined && sinceMs === undefined;
    const position = received(audience);
    return {
      v: 1,
      bundleId: randomUUID(),
      origin: node.nodeId,
      audience,
      createdAtMs: clock.now(),
      ...(dataSetFilter !== undefined && { dataSetFilter }),
      ...(sinceMs !== undefined && { sinceMs }),
      ...(isWhole && { range: { epoch: log.epoch, from, to: log.headSequence } }),
      ...(position && { received: position }),
    };
  }

  /** The objects to export: all, or those that the log names, each once. */
  async *#states(
    { dataSetFilter, afterSequence, signal }: BundleRequest,
    header: BundleHeader,
    index: BundleIndex,
  ): AsyncGenerator<ObjectState> {
    const { table, log } = this.#options;
    const pattern = dataSetFilter === undefined ? undefined : compilePattern(dataSetFilter);
    const isWanted = (namespace: string) => pattern?.matches(namespace) !== false;
    if (afterSequence === undefined) {
      for await (const state of table.scanAll(undefined, signal)) {
        if (isWanted(state[0].namespace)) yield state;
      }
      return;
    }
    const last = header.range?.to ?? log.headSequence;
    for (let next = afterSequence + 1; next <= last; ) {
      const entries = await this.#read(next, signal);
      for (const { data } of entries) {
        const { namespace, key } = decodeEvent(data);
        const path = objectPath(namespace, key);
        const name = `o${sha256(Buffer.from(path)).toString('hex')}`;
        if (!isWanted(namespace) || (await index.has(name))) continue;
        await index.add(name, 0);
        const state = await table.readForChange(path);
        if (state !== undefined) yield state;
      }
      next += entries.length;
    }
  }

  async #read(from: number, signal: AbortSignal | undefined) {
    const { log } = this.#options;
    try {
      return await log.read(from, { limitEntries: 256, ...(signal && { signal }) });
    } catch (error) {
      if (!DwError.is(error, 'DW_LOG_TRUNCATED') && !DwError.is(error, 'DW_LOG_GAP')) throw error;
      throw outOfRange(from - 1, log, error);
    }
  }

  /** The frames of one object: its versions, each behind what it needs. */
  async *#object(
    state: ObjectState,
    { sinceMs }: BundleRequest,
    index: BundleIndex,
  ): AsyncGenerator<Buffer> {
    const { table, mayLeave } = this.#options;
    const path = statePath(state);
    let current: ObjectState | undefined = state;
    for (let attempt = 1; current !== undefined; attempt += 1) {
      const versions = current.filter(
        (record) =>
          mayLeave(record) && (sinceMs === undefined || record.version.physicalMs >= sinceMs),
      );
      try {
        for (const { payload } of versions) if (payload) yield* this.#payload(payload, index);
        for (const record of versions) {
          yield encodeFrame(frameTypes.record, encodeEvent(record));
        }
        return;
      } catch (error) {
        // It may have been overwritten meanwhile, and its old content let go.
        if (!DwError.is(error, 'DW_CONTENT_NOT_FOUND') || attempt === maxAttempts) {
          throw missing(path, error);
        }
        current = await table.readForChange(path);
      }
    }
  }

  /** The frames of a payload that are not in the bundle yet. */
  async *#payload(payload: PayloadReference, index: BundleIndex): AsyncGenerator<Buffer> {
    if (payload.sizeBytes === 0) return;
    const { content } = this.#options;
    const name = payload.digest;
    if (await index.has(name)) return;
    const digests = await content.chunkDigests(payload);
    for (const digest of digests) {
      if (await index.has(`sha256:${digest}`)) continue;
      const chunk = await content.readChunk(digest);
      yield encodeFrame(frameTypes.chunk, Buffer.from(digest, 'hex'), chunk);
      await index.add(`sha256:${digest}`, 0);
    }
    if (digests.length === 1) return;
    const root = Buffer.from(name.slice(name.indexOf(':') + 1), 'hex');
    for (let at = 0; at < digests.length; at += LIST_PART_LENGTH) {
      const part = Buffer.from(digests.slice(at, at + LIST_PART_LENGTH).join(''), 'hex');
      yield encodeFrame(frameTypes.list, root, part);
    }
    await index.add(name, 0);
  }
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value), 'utf8');
}

function missing(path: string, cause: unknown): unknown {
  if (!DwError.is(cause, 'DW_CONTENT_NOT_FOUND') && !DwError.is(cause, 'DW_CONTENT_CORRUPT')) {
    return cause;
  }
  return replicationError('DW_REPLICATION_PAYLOAD_MISSING', { details: { path }, cause });
}

function outOfRange(from: number, log: WriteAheadLog, cause?: unknown): Error {
  return replicationError('DW_REPLICATION_BUNDLE_RANGE', {
    message: `The log does not hold what lies behind ${from}; it holds ${log.tailSequence} to ${log.headSequence}`,
    details: { from, tail: log.tailSequence, head: log.headSequence },
    ...(cause !== undefined && { cause }),
  });
}
