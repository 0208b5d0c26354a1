import { DwError, type IClusterMembership, type Logger } from '@datawarehouse/sdk';
import { replicationError } from '../errors/replication-errors.js';
import type { ReplicationPeer } from '../queue/replication-peer.js';

/** What a {@link ReplicaRemoval} works with. */
export interface ReplicaRemovalOptions {
  /** Id of this node. */
  readonly nodeId: string;
  readonly membership: IClusterMembership;
  readonly peerOf: (nodeId: string) => ReplicationPeer;
  readonly logger: Logger;
}

/** Who has forgotten a node, and who could not be told. */
export interface RemovalReport {
  readonly nodeId: string;
  /** Whether it was a member here. */
  readonly wasMember: boolean;
  /** Other nodes that have forgotten it, or did not know it. */
  readonly forgottenBy: readonly string[];
  readonly notReached: readonly { readonly nodeId: string; readonly code: string }[];
}

/** Forgets a node for good, here and on every other node that can be reached. */
export class ReplicaRemoval {
  readonly #options: ReplicaRemovalOptions;

  constructor(options: ReplicaRemovalOptions) {
    this.#options = options;
  }

  /** @throws {@link DwError} `DW_REPLICATION_OWN_ID`. */
  async remove(nodeId: string, signal?: AbortSignal): Promise<RemovalReport> {
    const { membership, peerOf, logger } = this.#options;
    const wasMember = await this.forget(nodeId);
    const forgottenBy: string[] = [];
    const notReached: { nodeId: string; code: string }[] = [];
    const tell = async (other: string): Promise<void> => {
      try {
        await peerOf(other).forget(nodeId, signal);
        forgottenBy.push(other);
      } catch (error) {
        signal?.throwIfAborted();
        logger.warn({ error, node: other, removed: nodeId }, 'a node does not know of a removal');
        notReached.push({ nodeId: other, code: DwError.is(error) ? error.code : 'DW_UNKNOWN' });
      }
    };
    await Promise.all(membership.members().map((member) => tell(member.nodeId)));
    return { nodeId, wasMember, forgottenBy: forgottenBy.sort(), notReached };
  }

  /** Forgets a node here, on behalf of whoever was asked. */
  async forget(nodeId: string): Promise<boolean> {
    if (nodeId === this.#options.nodeId) {
      throw replicationError('DW_REPLICATION_OWN_ID', { details: { nodeId } });
    }
    return await this.#options.membership.remove(nodeId);
  }
}
