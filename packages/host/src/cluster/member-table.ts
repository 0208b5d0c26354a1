import {
  type ClusterMember,
  KeyedMutex,
  type MembershipChange,
  peerError,
} from '@datawarehouse/sdk';
import { clusterError } from './cluster-errors.js';
import type { MemberStore } from './member-store.js';

/** Most members of a cluster, this node not counted. */
export const MAX_MEMBERS: number = 256;

/** Most removed nodes that are remembered. */
const maxRemovals = 1_024;

/** A node that proved the secret and its key. */
export interface ProvenNode {
  readonly nodeId: string;
  readonly publicKey: string;
  readonly endpoint: string;
}

interface Entry {
  readonly member: ClusterMember;
  /** Whether it said goodbye and has not come back. */
  readonly hasLeft: boolean;
}

/** What a {@link MemberTable} needs. */
export interface MemberTableOptions {
  readonly store: MemberStore;
  /** Whether the node stands alone: then nobody is a member, and what is stored stays there. */
  readonly isAlone: boolean;
  readonly now: () => number;
  /** Called after each change, in order. Must not throw. */
  readonly onChange: (change: MembershipChange) => void;
}

/**
 * The members with the keys they were first met with. A change counts when it is stored.
 */
export class MemberTable {
  readonly #options: MemberTableOptions;
  readonly #mutex = new KeyedMutex();
  readonly #entries = new Map<string, Entry>();
  /** Oldest first. */
  readonly #removals = new Map<string, number>();

  private constructor(options: MemberTableOptions) {
    this.#options = options;
  }

  static async open(options: MemberTableOptions): Promise<MemberTable> {
    const table = new MemberTable(options);
    if (options.isAlone) return table;
    for (const member of await options.store.loadMembers()) {
      table.#entries.set(member.nodeId, { member: Object.freeze(member), hasLeft: false });
    }
    const removals = await options.store.loadRemovals();
    for (const { nodeId, removedAtMs } of removals.toSorted(
      (a, b) => a.removedAtMs - b.removedAtMs,
    )) {
      table.#removals.set(nodeId, removedAtMs);
    }
    return table;
  }

  /** All members, by ascending id. */
  list(): readonly ClusterMember[] {
    const members = [...this.#entries.values()].map(({ member }) => member);
    return members.sort((a, b) => (a.nodeId < b.nodeId ? -1 : 1));
  }

  get(nodeId: string): ClusterMember | undefined {
    return this.#entries.get(nodeId)?.member;
  }

  wasRemoved(nodeId: string): boolean {
    return this.#removals.has(nodeId);
  }

  /**
   * Takes in a node that proved who it is: as a new member, or at a new address, or back again.
   *
   * @param isExplicit - Whether an operator asked for it: only then a removed node comes back.
   * @throws DwError `DW_PEER_IDENTITY_MISMATCH`, `DW_CLUSTER_REMOVED`, `DW_CLUSTER_FULL`.
   */
  admit(node: ProvenNode, isExplicit: boolean): Promise<ClusterMember> {
    return this.#mutex.run('table', async () => {
      const { nodeId, endpoint, publicKey } = node;
      const known = this.#entries.get(nodeId);
      this.#assertAdmissible(node, known?.member, isExplicit);
      if (known !== undefined && known.member.endpoint === endpoint) {
        if (known.hasLeft) this.#set(known.member);
        return known.member;
      }
      const joinedAtMs = known?.member.joinedAtMs ?? this.#options.now();
      const member = Object.freeze({ nodeId, endpoint, publicKey, joinedAtMs });
      await this.#options.store.saveMember(member);
      this.#removals.delete(nodeId);
      this.#set(member);
      return member;
    });
  }

  /** Notes that a member stopped in order. It stays a member. */
  leave(nodeId: string): Promise<void> {
    return this.#mutex.run('table', () => {
      const known = this.#entries.get(nodeId);
      if (known === undefined || known.hasLeft) return;
      this.#entries.set(nodeId, { member: known.member, hasLeft: true });
      this.#options.onChange({ action: 'left', nodeId, endpoint: known.member.endpoint });
    });
  }

  /** Forgets a member, and remembers that it was removed. */
  remove(nodeId: string): Promise<boolean> {
    return this.#mutex.run('table', async () => {
      const known = this.#entries.get(nodeId);
      if (known === undefined) return false;
      const removedAtMs = this.#options.now();
      const excess = Math.max(0, this.#removals.size + 1 - maxRemovals);
      const forgotten = [...this.#removals.keys()].slice(0, excess);
      await this.#options.store.saveRemoval({ nodeId, removedAtMs }, forgotten);
      for (const id of forgotten) this.#removals.delete(id);
      this.#removals.set(nodeId, removedAtMs);
      this.#entries.delete(nodeId);
      this.#options.onChange({ action: 'removed', nodeId, endpoint: known.member.endpoint });
      return true;
    });
  }

  #set(member: ClusterMember): void {
    const { nodeId, endpoint } = member;
    this.#entries.set(nodeId, { member, hasLeft: false });
    this.#options.onChange({ action: 'joined', nodeId, endpoint });
  }

  #assertAdmissible(node: ProvenNode, known: ClusterMember | undefined, isExplicit: boolean): void {
    const { nodeId } = node;
    if (known !== undefined && known.publicKey !== node.publicKey) {
      throw peerError('DW_PEER_IDENTITY_MISMATCH', {
        message: `Node ${nodeId} shows another key than the one it joined with`,
        details: { nodeId },
      });
    }
    if (this.#removals.has(nodeId) && !isExplicit) {
      throw clusterError('DW_CLUSTER_REMOVED', {
        message: `Node ${nodeId} was removed from the cluster`,
        details: { nodeId },
      });
    }
    if (known === undefined && this.#entries.size >= MAX_MEMBERS) {
      throw clusterError('DW_CLUSTER_FULL', { details: { maxMembers: MAX_MEMBERS } });
    }
  }
}
