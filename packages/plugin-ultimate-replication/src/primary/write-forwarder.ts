import { randomUUID } from 'node:crypto';
import {
  type ContentStore,
  DwError,
  type IPersistentBackingStore,
  type Logger,
  type PayloadReference,
  storePath,
  storePrefix,
} from '@datawarehouse/sdk';
import { z } from 'zod';
import {
  type ReplicationErrorCode,
  replicationError,
  replicationErrors,
} from '../errors/replication-errors.js';
import { payloadSchema } from '../objects/object-record.js';
import type { WriteReceipt } from '../objects/object-store-contract.js';
import type { LocalChange } from '../objects/object-writer.js';
import { formatContext } from '../objects/version-vector.js';
import { decodeStored, encodeStored } from '../persistence/stored-json.js';
import type { ReplicationPeer } from '../queue/replication-peer.js';
import type { PrimaryRegister } from './primary-register.js';

/** What a {@link WriteForwarder} works with. */
export interface WriteForwarderOptions {
  readonly nodeId: string;
  readonly register: PrimaryRegister;
  readonly store: IPersistentBackingStore;
  readonly content: ContentStore;
  readonly peerOf: (nodeId: string) => ReplicationPeer;
  readonly logger: Logger;
}

/** A forwarded put, with what the primary fetches. */
export interface ForwardedContent {
  readonly reference: PayloadReference;
}

const prefix = storePrefix('replication', 'forwards');
const heldSchema = z.object({ v: z.literal(1), payload: payloadSchema });

/** Hands writes to the primary, which fetches their content from here. */
export class WriteForwarder {
  readonly #options: WriteForwarderOptions;

  constructor(options: WriteForwarderOptions) {
    this.#options = options;
  }

  /**
   * Whether a write that only the primary may make is for this node to make.
   *
   * @throws {@link DwError} `DW_REPLICATION_NOT_PRIMARY` where nobody is the primary.
   */
  get isPrimary(): boolean {
    return this.#primaryId === this.#options.nodeId;
  }

  get #primaryId(): string {
    const primary = this.#options.register.current;
    if (primary !== undefined) return primary.nodeId;
    throw replicationError('DW_REPLICATION_NOT_PRIMARY', {
      message: 'No node is the primary',
      details: { mayBeStored: false },
    });
  }

  /** Lets go of content that was held for the primary when the node died. */
  async recover(): Promise<void> {
    const { store, logger } = this.#options;
    for await (const { path, data } of store.scan(prefix)) {
      try {
        await this.#release(path, decodeStored(path, data, heldSchema).payload);
      } catch (error) {
        if (!DwError.is(error, 'DW_REPLICATION_RECORD_CORRUPT')) throw error;
        logger.error({ error, path }, 'a record of a forwarded write is damaged');
      }
    }
  }

  /** Hands a put to the primary. Its content stays here until the primary has answered. */
  async put(
    change: LocalChange,
    source: Uint8Array | AsyncIterable<Uint8Array>,
    limits: { readonly maxBytes: number; readonly check: (sizeBytes: number) => void },
  ): Promise<WriteReceipt & ForwardedContent> {
    const { content, store } = this.#options;
    const { signal } = change;
    const path = storePath('replication', 'forwards', randomUUID());
    const { maxBytes } = limits;
    const options = { owner: path, maxBytes, ...(signal && { signal }) };
    using staged = await content.stage(source, options);
    const { reference } = staged;
    limits.check(reference.sizeBytes);
    const data = encodeStored({ v: 1, payload: reference });
    await store.batch([...staged.operations, { type: 'write', path, data }]);
    try {
      return { ...(await this.forward(change, reference)), reference };
    } finally {
      await this.#release(path, reference);
    }
  }

  /** Hands a write to the primary, whose answer is the caller's. */
  async forward(change: LocalChange, payload?: PayloadReference): Promise<WriteReceipt> {
    const { peerOf, register } = this.#options;
    const { namespace, key, strategy, contentType, context, signal } = change;
    const primary = this.#primaryId;
    const request = {
      ...{ v: 1, primary: register.current, namespace, key, strategy: strategy.name },
      ...{ payload, contentType, context: context && formatContext(context) },
    };
    try {
      return await peerOf(primary).forward(request, signal);
    } catch (error) {
      signal?.throwIfAborted();
      throw errorOfPrimary(error, primary);
    }
  }

  async #release(path: string, payload: PayloadReference): Promise<void> {
    const { content, store } = this.#options;
    await store.batch([{ type: 'delete', path }, ...content.release(payload, path)]);
  }
}

/** What the primary refused it refused the caller; otherwise it could not be reached. */
function errorOfPrimary(error: unknown, primary: string): unknown {
  if (!DwError.is(error)) return error;
  const { remote } = error.details as { readonly remote?: { readonly [name: string]: unknown } };
  if (error.code === 'DW_PEER_REFUSED' && isReplicationCode(remote?.code)) {
    const { message, details } = remote;
    return replicationError(remote.code, {
      ...(typeof message === 'string' && { message }),
      details: { ...(typeof details === 'object' && details), primary },
      cause: error,
    });
  }
  if (!error.code.startsWith('DW_PEER_')) return error;
  return replicationError('DW_REPLICATION_NOT_PRIMARY', {
    message: `The primary ${primary} did not take the write: ${error.message}`,
    details: { primary, mayBeStored: error.code === 'DW_PEER_TIMEOUT' },
    cause: error,
  });
}

function isReplicationCode(code: unknown): code is ReplicationErrorCode {
  return typeof code === 'string' && Object.hasOwn(replicationErrors, code);
}
