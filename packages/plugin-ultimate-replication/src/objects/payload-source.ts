import type { PayloadReference } from '@datawarehouse/sdk';
import type { ObjectRecord } from './object-record.js';

/** Where the content of another node's versions comes from: that node. */
export interface PayloadSource {
  /**
   * Digests of the chunks of a payload, in order.
   *
   * @throws {@link DwError} `DW_REPLICATION_PAYLOAD_MISSING` where the node does not have it.
   */
  readonly chunkDigests: (
    reference: PayloadReference,
    signal?: AbortSignal,
  ) => Promise<readonly string[]>;

  /** Fetches chunks, in the order asked for. Throws as {@link PayloadSource.chunkDigests} does. */
  readonly chunks: (
    digests: readonly string[],
    signal?: AbortSignal,
  ) => Promise<readonly Uint8Array[]>;

  /** The versions of an object that the node has now. */
  readonly current: (
    name: Pick<ObjectRecord, 'namespace' | 'key'>,
    signal?: AbortSignal,
  ) => Promise<readonly ObjectRecord[]>;
}
