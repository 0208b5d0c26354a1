import { type Contract, contract } from '../compatibility/contract.js';

/** Shape of a node id: 1 to 64 characters, starting with a letter or a digit. */
export const NODE_ID_PATTERN: RegExp = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** Who this node is. Created once, kept for its lifetime. */
export interface INodeIdentity {
  /** Unique name of the node in its cluster. */
  readonly nodeId: string;
  /** Raw Ed25519 public key, base64url, 43 characters. */
  readonly publicKey: string;
  /** Signs bytes with the node's private key: 64 bytes (Ed25519, RFC 8032). */
  sign(data: Uint8Array): Uint8Array;
}

/** Injection token of the contract of the same name. */
export const INodeIdentity: Contract<INodeIdentity> = contract('dw.sdk.INodeIdentity', {
  introduced: '6.0.0',
});
