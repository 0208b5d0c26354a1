import { z } from 'zod';
import { type Contract, contract } from '../compatibility/contract.js';
import { type Topic, topic } from '../messaging/topic.js';
import { NODE_ID_PATTERN } from './node-identity.js';

/** Another node of the cluster. */
export interface ClusterMember {
  /** Unique name of the node. */
  readonly nodeId: string;
  /** Where it can be called, such as `http://127.0.0.1:7080`. */
  readonly endpoint: string;
  /** Raw Ed25519 public key, base64url. */
  readonly publicKey: string;
  /** Milliseconds since the epoch at which it was first known here. */
  readonly joinedAtMs: number;
}

/** A change of {@link IClusterMembership.members}, as published on the bus. */
export interface MembershipChange {
  readonly action: 'joined' | 'left' | 'removed';
  readonly nodeId: string;
  readonly endpoint?: string | undefined;
}

/**
 * Published at each change of the membership. May come twice, late or out of order.
 *
 * `left` says that the node stopped in order and may come back; `removed` that it will not.
 */
export const membershipChangedTopic: Topic<MembershipChange> = topic(
  'dw.cluster.membership.changed',
  z.object({
    action: z.enum(['joined', 'left', 'removed']),
    nodeId: z.string().regex(NODE_ID_PATTERN),
    endpoint: z.url().optional(),
  }),
);

/** Knows the other nodes. Each change is published to {@link membershipChangedTopic}. */
export interface IClusterMembership {
  /** Members known now, without this node, by ascending id. Includes those that left in order. */
  members(): readonly ClusterMember[];

  /** Finds a member by its id. */
  member(nodeId: string): ClusterMember | undefined;

  /**
   * Meets the node at `endpoint`, and through it the nodes that it knows.
   *
   * @throws {@link DwError} `DW_PEER_UNREACHABLE`, `DW_PEER_TIMEOUT`, `DW_PEER_UNAUTHENTICATED`,
   *   `DW_PEER_IDENTITY_MISMATCH`.
   */
  join(endpoint: string, options?: { readonly signal?: AbortSignal }): Promise<ClusterMember>;

  /**
   * Forgets a member for good. Forgetting a stranger is not an error.
   *
   * @returns Whether it was a member.
   */
  remove(nodeId: string): Promise<boolean>;
}

/** Injection token of the contract of the same name. */
export const IClusterMembership: Contract<IClusterMembership> = contract(
  'dw.sdk.IClusterMembership',
  { introduced: '6.0.0' },
);
