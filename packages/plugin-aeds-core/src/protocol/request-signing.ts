import { randomBytes } from 'node:crypto';
import { sha256Hex, signEd25519, signedRequestBytes, verifyEd25519 } from '@datawarehouse/sdk';
import type { KeyPair } from '../identity/key-pair-file.js';

/** Headers of a signed request and its answer. */
export const signatureHeaders = {
  client: 'dw-client',
  timestamp: 'dw-timestamp',
  nonce: 'dw-nonce',
  signature: 'dw-signature',
  responseSignature: 'dw-response-signature',
} as const;

/** A request that a client is about to send. */
export interface RequestToSign {
  readonly method: 'GET' | 'POST';
  /** Path with query. */
  readonly url: string;
  /** Node that it is meant for. */
  readonly audience: string;
  readonly body: Uint8Array;
  readonly nowMs: number;
}

/** Signs a request with the client's key. The nonce names the request in the answer's signature. */
export function signRequest(
  request: RequestToSign,
  key: KeyPair,
): { readonly nonce: string; readonly headers: Readonly<Record<string, string>> } {
  const nonce = randomBytes(16).toString('hex');
  const { method, url, audience, nowMs } = request;
  const signed = signedRequestBytes({
    method,
    url,
    senderId: key.keyId,
    audience,
    timestampMs: nowMs,
    nonce,
    bodyDigest: sha256Hex(request.body),
  });
  return {
    nonce,
    headers: {
      [signatureHeaders.client]: key.keyId,
      [signatureHeaders.timestamp]: String(nowMs),
      [signatureHeaders.nonce]: nonce,
      [signatureHeaders.signature]: signEd25519(signed, key.privateKey),
    },
  };
}

/** What the signature of an answer covers: the request that it answers, and its bytes. */
export interface ResponseParts {
  readonly serverId: string;
  readonly clientId: string;
  readonly nonce: string;
  readonly body: Uint8Array;
}

/** Signs an answer with the server's transport key. */
export function signResponse(parts: ResponseParts, key: KeyPair): string {
  return `${key.keyId}.${signEd25519(responseBytes(parts), key.privateKey)}`;
}

/** Reports whether an answer is signed by one of the keys. */
export function isResponseSigned(
  parts: ResponseParts,
  header: string,
  keys: readonly { readonly keyId: string; readonly publicKey: string }[],
): boolean {
  const [keyId, signature = ''] = header.split('.');
  const key = keys.find((candidate) => candidate.keyId === keyId);
  return key !== undefined && verifyEd25519(responseBytes(parts), signature, key.publicKey);
}

function responseBytes(parts: ResponseParts): Uint8Array {
  const { serverId, clientId, nonce, body } = parts;
  const lines = ['dw-response-v1', serverId, clientId, nonce, sha256Hex(body)];
  return Buffer.from(lines.join('\n'), 'utf8');
}
