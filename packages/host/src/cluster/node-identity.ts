import type { INodeIdentity } from '@datawarehouse/sdk';

/** Where a {@link NodeIdentity} is kept, and what it is called. */
export interface NodeIdentityOptions {
  /** Existing folder that this process alone uses. */
  readonly dataDirectory: string;
  /** Id of a new node. Default: made from its public key. */
  readonly nodeId?: string | undefined;
}

/** The node's key pair and id, created at the first start and kept in `identity.json`. */
export declare class NodeIdentity implements INodeIdentity {
  static open(options: NodeIdentityOptions): Promise<NodeIdentity>;
  readonly nodeId: string;
  readonly publicKey: string;
  sign(data: Uint8Array): Uint8Array;
}
