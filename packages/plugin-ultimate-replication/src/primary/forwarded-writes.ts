import { type ContentStore, contentError, type PeerRequest } from '@datawarehouse/sdk';
import { z } from 'zod';
import { replicationError } from '../errors/replication-errors.js';
import { objectPath } from '../objects/object-name.js';
import { isContentType, objectNameSchema, payloadSchema } from '../objects/object-record.js';
import type { WriteReceipt } from '../objects/object-store-contract.js';
import type { LocalChange } from '../objects/object-writer.js';
import { parseContext } from '../objects/version-vector.js';
import type { ReplicationPeer } from '../queue/replication-peer.js';
import type { StrategyRegistry } from '../strategies/strategy-registry.js';
import { type PrimaryRegister, primarySchema } from './primary-register.js';

/** A write that another node hands to the primary; a deletion has no payload. */
export const forwardSchema = z.object({
  v: z.literal(1),
  /** Whom the sender takes for the primary. */
  primary: primarySchema,
  namespace: objectNameSchema,
  key: objectNameSchema,
  strategy: z.string().max(64),
  payload: payloadSchema.optional(),
  contentType: z.string().refine(isContentType, 'is no content type').optional(),
  context: z.string().max(32_768).optional(),
});

/** What {@link ForwardedWrites} work with. */
export interface ForwardedWritesOptions {
  readonly nodeId: string;
  readonly register: PrimaryRegister;
  readonly content: ContentStore;
  readonly strategies: StrategyRegistry;
  readonly peerOf: (nodeId: string) => ReplicationPeer;
  readonly write: (change: LocalChange) => Promise<WriteReceipt>;
  readonly maxObjectBytes: number;
}

/** Makes the writes that other nodes hand to this one as the primary. */
export class ForwardedWrites {
  readonly #options: ForwardedWritesOptions;

  constructor(options: ForwardedWritesOptions) {
    this.#options = options;
  }

  /**
   * Writes what a node has handed over; its content is fetched from there.
   *
   * @throws {@link DwError} `DW_REPLICATION_NOT_PRIMARY`, or what a write here throws.
   */
  async take(
    forward: z.output<typeof forwardSchema>,
    { from, signal }: Pick<PeerRequest, 'from' | 'signal'>,
  ): Promise<WriteReceipt> {
    const { register, nodeId, strategies, write } = this.#options;
    await register.learn(forward.primary);
    if (register.current?.nodeId !== nodeId) {
      throw replicationError('DW_REPLICATION_NOT_PRIMARY', {
        details: { primary: register.current?.nodeId, mayBeStored: false },
      });
    }
    const { namespace, key, payload, contentType } = forward;
    const strategy = strategies.get(forward.strategy);
    if (strategy.admission !== 'primary') {
      throw replicationError('DW_REPLICATION_INVALID_MESSAGE', {
        details: { reason: 'the strategy lets every node write' },
      });
    }
    const context = forward.context === undefined ? undefined : parseContext(forward.context);
    const change = { namespace, key, strategy, contentType, context, signal };
    if (payload === undefined) return write(change);
    using staged = await this.#fetch(from, objectPath(namespace, key), payload, signal);
    return await write({ ...change, staged });
  }

  async #fetch(
    from: string,
    owner: string,
    payload: z.output<typeof payloadSchema>,
    signal: AbortSignal,
  ) {
    const { content, peerOf, maxObjectBytes } = this.#options;
    if (payload.sizeBytes > maxObjectBytes) {
      throw contentError('DW_CONTENT_TOO_LARGE', {
        details: { sizeBytes: payload.sizeBytes, maxBytes: maxObjectBytes },
      });
    }
    const source = peerOf(from).payloads();
    const digests = await source.chunkDigests(payload, signal);
    return content.assemble(payload, digests, source.chunks, { owner, signal });
  }
}
