import { randomBytes } from 'node:crypto';
import {
  type INodeIdentity,
  NODE_ID_PATTERN,
  peerError,
  sha256Hex,
  signedRequestBytes,
  verifyEd25519,
} from '@datawarehouse/sdk';
import { z } from 'zod';

const nodeId = z.string().regex(NODE_ID_PATTERN);
const signature = z.string().regex(/^[A-Za-z0-9_-]{86}$/);

/** Shape of a nonce: 16 to 48 random bytes in base64url. */
export const noncePattern: RegExp = /^[A-Za-z0-9_-]{22,64}$/;

const requestHeaders = z.object({
  'dw-node': nodeId,
  'dw-audience': nodeId,
  'dw-timestamp': z
    .string()
    .regex(/^[0-9]{1,15}$/)
    .transform(Number),
  'dw-nonce': z.string().regex(noncePattern),
  'dw-body-digest': z.string().regex(/^[0-9a-f]{64}$/),
  'dw-signature': signature,
});

/** What the head of a request between nodes claims. Nothing in it is proven yet. */
export interface PeerRequestClaims {
  readonly senderId: string;
  readonly audience: string;
  readonly timestampMs: number;
  readonly nonce: string;
  readonly bodyDigest: string;
  readonly signature: string;
}

/** Makes the bytes that nobody can guess or repeat. */
export function newNonce(): string {
  return randomBytes(18).toString('base64url');
}

/** Signs a request to another node: the headers that prove who sent it, to whom, when and what. */
export function signPeerRequest(
  identity: INodeIdentity,
  request: {
    readonly url: string;
    readonly audience: string;
    readonly timestampMs: number;
    readonly nonce: string;
    readonly body: Uint8Array;
  },
): Record<string, string> {
  const bodyDigest = sha256Hex(request.body);
  const bytes = signedRequestBytes({
    method: 'POST',
    url: request.url,
    senderId: identity.nodeId,
    audience: request.audience,
    timestampMs: request.timestampMs,
    nonce: request.nonce,
    bodyDigest,
  });
  return {
    'dw-node': identity.nodeId,
    'dw-audience': request.audience,
    'dw-timestamp': String(request.timestampMs),
    'dw-nonce': request.nonce,
    'dw-body-digest': bodyDigest,
    'dw-signature': Buffer.from(identity.sign(bytes)).toString('base64url'),
  };
}

/**
 * Reads the claims of a request.
 *
 * @throws DwError `DW_PEER_UNAUTHENTICATED` where they are malformed.
 */
export function parsePeerRequest(headers: Readonly<Record<string, string>>): PeerRequestClaims {
  const result = requestHeaders.safeParse(headers);
  if (!result.success) {
    const names = result.error.issues.map((issue) => issue.path.join('.'));
    throw peerError('DW_PEER_UNAUTHENTICATED', {
      message: `The request’s ${names.join(', ')} is missing or malformed`,
      details: { headers: names },
    });
  }
  const { data } = result;
  return {
    senderId: data['dw-node'],
    audience: data['dw-audience'],
    timestampMs: data['dw-timestamp'],
    nonce: data['dw-nonce'],
    bodyDigest: data['dw-body-digest'],
    signature: data['dw-signature'],
  };
}

/** Whether the signature of a request holds under the key that its sender is known by. */
export function isPeerRequestGenuine(
  claims: PeerRequestClaims,
  url: string,
  publicKey: string,
): boolean {
  const bytes = signedRequestBytes({ method: 'POST', url, ...claims });
  return verifyEd25519(bytes, claims.signature, publicKey);
}

/** What a signature of an answer covers. */
export interface PeerResponseParts {
  readonly responderId: string;
  readonly requesterId: string;
  readonly requestNonce: string;
  readonly status: number;
  readonly body: Uint8Array;
}

/** The bytes of an answer that are signed: bound to the request by its nonce. */
function peerResponseBytes(parts: PeerResponseParts): Uint8Array {
  const lines = [
    'dw-response-v1',
    parts.responderId,
    parts.requesterId,
    parts.requestNonce,
    String(parts.status),
    sha256Hex(parts.body),
  ];
  return Buffer.from(lines.join('\n'), 'utf8');
}

/** Signs an answer to another node; the parts cannot hold line breaks once they are parsed. */
export function signPeerResponse(
  identity: INodeIdentity,
  parts: Omit<PeerResponseParts, 'responderId'>,
): Record<string, string> {
  const bytes = peerResponseBytes({ ...parts, responderId: identity.nodeId });
  return {
    'dw-node': identity.nodeId,
    'dw-signature': Buffer.from(identity.sign(bytes)).toString('base64url'),
  };
}

/** Whether the signature of an answer holds under the key that its sender is known by. */
export function isPeerResponseGenuine(
  parts: PeerResponseParts,
  signatureText: unknown,
  publicKey: string,
): boolean {
  if (typeof signatureText !== 'string') return false;
  return verifyEd25519(peerResponseBytes(parts), signatureText, publicKey);
}
