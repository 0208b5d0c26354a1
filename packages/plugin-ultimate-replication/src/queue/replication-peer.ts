import {
  CONTENT_CHUNK_BYTES,
  DwError,
  type IPeerTransport,
  type PayloadReference,
} from '@datawarehouse/sdk';
import type { ZodType } from 'zod';
import { replicationError } from '../errors/replication-errors.js';
import type { ObjectRecord } from '../objects/object-record.js';
import type { PayloadSource } from '../objects/payload-source.js';
import { FrameCompressor } from './frame-compression.js';
import { callPeer } from './peer-call.js';
import type { PeerFrame } from './peer-frame.js';
import {
  type ApplyAnswer,
  type ApplyHeader,
  applyAnswerSchema,
  emptySchema,
  type LogState,
  type Ping,
  pingSchema,
  services,
  snapshotAnswerSchema,
} from './peer-messages.js';
import { decodeEvent } from './replication-event.js';

/** Time limits of calls, in milliseconds. */
const limitsMs = { ping: 3_000, short: 15_000, apply: 120_000 };

const digestBytes = 32;

/** A page of another node's objects. */
export interface SnapshotPage {
  readonly log: LogState;
  readonly events: readonly Uint8Array[];
  readonly next?: string | undefined;
}

interface CallOptions {
  readonly attachments?: readonly Uint8Array[];
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}

/** Another node, as replication calls it. */
export class ReplicationPeer {
  readonly nodeId: string;
  readonly #transport: IPeerTransport;
  readonly #compressor = new FrameCompressor();

  constructor(transport: IPeerTransport, nodeId: string) {
    this.#transport = transport;
    this.nodeId = nodeId;
  }

  async ping(ping: Ping, signal?: AbortSignal): Promise<Ping> {
    const options = { timeoutMs: limitsMs.ping, signal };
    return (await this.#call(services.ping, { v: 1, ...ping }, pingSchema, options)).header;
  }

  async apply(
    header: ApplyHeader,
    attachments: readonly Uint8Array[],
    signal?: AbortSignal,
  ): Promise<ApplyAnswer> {
    const options = { attachments, timeoutMs: limitsMs.apply, signal };
    return (await this.#call(services.apply, header, applyAnswerSchema, options)).header;
  }

  /** Reads a page of all that the node has, from behind `after`. */
  async snapshot(after: string | undefined, signal?: AbortSignal): Promise<SnapshotPage> {
    const answer = await this.#call(services.snapshot, { after }, snapshotAnswerSchema, { signal });
    return { ...answer.header, events: answer.attachments };
  }

  /** Makes the other node forget a node for good. */
  async forget(nodeId: string, signal?: AbortSignal): Promise<void> {
    const options = { timeoutMs: limitsMs.ping, signal };
    await this.#call(services.forget, { nodeId }, emptySchema, options);
  }

  /** The node's contents. `inline` holds chunks that came along with a message. */
  payloads(inline: ReadonlyMap<string, Uint8Array> = new Map()): PayloadSource {
    return {
      chunkDigests: (reference, signal) => this.#chunkDigests(reference, signal),
      chunks: async (digests, signal) => {
        const wanted = digests.filter((digest) => !inline.has(digest));
        const fetched = wanted.length === 0 ? [] : await this.#chunks(wanted, signal);
        const found = new Map(wanted.map((digest, index) => [digest, fetched[index]]));
        return digests.map((digest) => inline.get(digest) ?? found.get(digest) ?? missing(digest));
      },
      current: (name, signal) => this.#current(name, signal),
    };
  }

  async #chunks(digests: readonly string[], signal?: AbortSignal): Promise<readonly Uint8Array[]> {
    const call = this.#call(services.chunks, { digests }, emptySchema, { signal });
    return (await call.catch(rethrowMissing)).attachments;
  }

  async #chunkDigests(payload: PayloadReference, signal?: AbortSignal): Promise<readonly string[]> {
    if (payload.sizeBytes === 0) return [];
    if (payload.digest.startsWith('sha256:')) return [payload.digest.slice('sha256:'.length)];
    const chunkCount = Math.ceil(payload.sizeBytes / CONTENT_CHUNK_BYTES);
    const digests: string[] = [];
    while (digests.length < chunkCount) {
      const request = { payload, offset: digests.length };
      const call = this.#call(services.chunkList, request, emptySchema, { signal });
      const page = Buffer.from((await call.catch(rethrowMissing)).attachments[0] ?? []);
      if (page.length < digestBytes) return missing(payload.digest);
      for (let at = 0; at + digestBytes <= page.length; at += digestBytes) {
        digests.push(page.toString('hex', at, at + digestBytes));
      }
    }
    return digests;
  }

  async #current(
    { namespace, key }: Pick<ObjectRecord, 'namespace' | 'key'>,
    signal?: AbortSignal,
  ): Promise<readonly ObjectRecord[]> {
    const request = { namespace, key };
    const { attachments } = await this.#call(services.current, request, emptySchema, { signal });
    return attachments.map(decodeEvent);
  }

  #call<THeader>(
    service: string,
    header: unknown,
    schema: ZodType<THeader>,
    { attachments, timeoutMs = limitsMs.short, signal }: CallOptions,
  ): Promise<PeerFrame<THeader>> {
    const { nodeId } = this;
    const call = { nodeId, service, header, schema, attachments, timeoutMs, signal };
    return callPeer(this.#transport, this.#compressor, call);
  }
}

function missing(digest: string): never {
  throw replicationError('DW_REPLICATION_PAYLOAD_MISSING', { details: { digest } });
}

/** The other side's "not found" and "corrupt" both mean that it cannot give the payload. */
function rethrowMissing(error: unknown): never {
  if (DwError.is(error, 'DW_PEER_REFUSED')) {
    const { remote } = error.details as { readonly remote?: { readonly code?: unknown } };
    const code = remote?.code;
    if (code === 'DW_CONTENT_NOT_FOUND' || code === 'DW_CONTENT_CORRUPT') {
      throw replicationError('DW_REPLICATION_PAYLOAD_MISSING', {
        details: { reason: code },
        cause: error,
      });
    }
  }
  throw error;
}
