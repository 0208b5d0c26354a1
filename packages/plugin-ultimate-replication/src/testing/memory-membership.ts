import {
  type ClusterMember,
  type IClusterMembership,
  type IMessageBus,
  type MembershipChange,
  membershipChangedTopic,
  peerError,
} from '@datawarehouse/sdk';
import { identityOf } from './test-identities.js';

/** A membership that a test changes. */
export class MemoryMembership implements IClusterMembership {
  readonly #bus: IMessageBus;
  readonly #members = new Map<string, ClusterMember>();

  constructor(bus: IMessageBus, nodeIds: readonly string[]) {
    this.#bus = bus;
    for (const nodeId of nodeIds) this.#members.set(nodeId, memberOf(nodeId));
  }

  members(): readonly ClusterMember[] {
    return [...this.#members.values()].sort((a, b) => (a.nodeId < b.nodeId ? -1 : 1));
  }

  member(nodeId: string): ClusterMember | undefined {
    return this.#members.get(nodeId);
  }

  async join(endpoint: string): Promise<ClusterMember> {
    const nodeId = new URL(endpoint).hostname;
    const member = memberOf(nodeId);
    this.#members.set(nodeId, member);
    await this.tell({ action: 'joined', nodeId, endpoint });
    return member;
  }

  async remove(nodeId: string): Promise<boolean> {
    const wasMember = this.#members.delete(nodeId);
    await this.tell({ action: 'removed', nodeId });
    return wasMember;
  }

  /** Publishes a change, true or not. */
  async tell(change: MembershipChange): Promise<void> {
    if (change.nodeId === '') throw peerError('DW_PEER_UNKNOWN');
    await this.#bus.publish(membershipChangedTopic, change);
  }
}

function memberOf(nodeId: string): ClusterMember {
  return {
    nodeId,
    endpoint: `http://${nodeId}`,
    publicKey: identityOf(nodeId).publicKey,
    joinedAtMs: 0,
  };
}
