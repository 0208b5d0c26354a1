import { createHmac, timingSafeEqual } from 'node:crypto';
import { canonicalJson } from '../manifests/canonical-json.js';
import type { EnrolmentRequest, EnrolmentResponse } from '../protocol/agent-messages.js';

type UnprovenRequest = Omit<EnrolmentRequest, 'code' | 'signature'>;
type UnprovenResponse = Omit<EnrolmentResponse, 'code'>;

/** The bytes of an enrolment request that the client's own key signs. */
export function enrolmentRequestBytes(request: UnprovenRequest): Uint8Array {
  const { invitationId, publicKey, name, capabilities, channels, nonce } = request;
  const fields = { invitationId, publicKey, name, capabilities, channels, nonce };
  return Buffer.from(`dw-enrol-request-v1\n${canonicalJson(fields)}`, 'utf8');
}

/** Proves to the server that the client knows the PIN, for exactly this public key. */
export function requestCode(key: Uint8Array, request: UnprovenRequest): string {
  return hmac(key, enrolmentRequestBytes(request));
}

/** Proves to the client that the server knows the PIN, for exactly these trust anchors and this request. */
export function responseCode(
  key: Uint8Array,
  request: { readonly code: string },
  response: UnprovenResponse,
): string {
  const { serverId, clientId, anchors } = response;
  const fields = { requestCode: request.code, serverId, clientId, anchors };
  return hmac(key, Buffer.from(`dw-enrol-response-v1\n${canonicalJson(fields)}`, 'utf8'));
}

/** Compares two codes in constant time. */
export function isSameCode(a: string, b: string): boolean {
  const left = Buffer.from(a, 'utf8');
  const right = Buffer.from(b, 'utf8');
  return left.byteLength === right.byteLength && timingSafeEqual(left, right);
}

function hmac(key: Uint8Array, data: Uint8Array): string {
  return createHmac('sha256', key).update(data).digest('base64url');
}
