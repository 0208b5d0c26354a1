import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { apiPath, signEd25519 } from '@datawarehouse/sdk';
import {
  enrolmentRequestBytes,
  isSameCode,
  requestCode,
  responseCode,
} from '../enrolment/enrolment-proof.js';
import { deriveEnrolmentKey, parsePin } from '../enrolment/pin.js';
import { aedsError } from '../errors/aeds-errors.js';
import { fileError } from '../files/file-errors.js';
import type { KeyPair } from '../identity/key-pair-file.js';
import { TrustStore } from '../manifests/trust-store.js';
import {
  type EnrolmentRequest,
  type EnrolmentResponse,
  enrolmentResponseSchema,
  invitationSaltSchema,
} from '../protocol/agent-messages.js';
import type { EnrolledServer } from './agent-directory.js';
import { parseAnswer, type ServerConnection } from './server-connection.js';

const enrolTimeoutMs = 30_000;

/** What an agent enrols with. */
export interface EnrolOptions {
  readonly connection: ServerConnection;
  readonly identity: KeyPair;
  readonly pin: string | undefined;
  readonly name: string;
  readonly capabilities: number;
  readonly channels: readonly string[];
  /** File of trust anchors, which then count in place of those that the server gives. */
  readonly trustFile: string | undefined;
  readonly signal: AbortSignal;
}

/**
 * Registers the agent's key at the server, and learns the keys to trust. Both sides prove that
 * they know the PIN, so neither need be trusted at first sight.
 *
 * @throws DwError `DW_AEDS_PIN_MISSING`, `DW_AEDS_PIN_INVALID`, `DW_AEDS_SERVER_NOT_AUTHENTIC`,
 *   `DW_AEDS_TRUST_INVALID`, or what the server refused it with.
 */
export async function enrol(options: EnrolOptions): Promise<EnrolledServer> {
  const { connection, trustFile, signal } = options;
  if (options.pin === undefined) throw aedsError('DW_AEDS_PIN_MISSING');
  const pin = parsePin(options.pin);
  if (pin === undefined) throw aedsError('DW_AEDS_PIN_INVALID');
  const given = trustFile === undefined ? undefined : await readTrustFile(trustFile);
  const { salt } = parseAnswer(
    invitationSaltSchema,
    await get(connection, apiPath('aeds', 'v1', 'agent', 'invitations', pin.invitationId), signal),
  );
  const key = await deriveEnrolmentKey(pin, Buffer.from(salt, 'base64url'));
  const request = enrolmentRequest(options, pin.invitationId, key);
  const { body } = await connection.request({
    method: 'POST',
    path: '/aeds/v1/agent/enrolments',
    body: Buffer.from(JSON.stringify(request), 'utf8'),
    timeoutMs: enrolTimeoutMs,
    signal,
  });
  const response = parseAnswer(enrolmentResponseSchema, body);
  assertAuthentic(key, request, response, options.identity);
  const anchors = [...(given ?? new TrustStore(response.anchors)).anchors];
  return { serverId: response.serverId, anchors, channels: [...options.channels] };
}

function enrolmentRequest(
  { identity, name, capabilities, channels }: EnrolOptions,
  invitationId: string,
  key: Uint8Array,
): EnrolmentRequest {
  const unproven = {
    invitationId,
    publicKey: identity.publicKey,
    name,
    capabilities,
    channels: [...channels],
    nonce: randomBytes(16).toString('hex'),
  };
  return {
    ...unproven,
    code: requestCode(key, unproven),
    signature: signEd25519(enrolmentRequestBytes(unproven), identity.privateKey),
  };
}

function assertAuthentic(
  key: Uint8Array,
  request: EnrolmentRequest,
  response: EnrolmentResponse,
  identity: KeyPair,
): void {
  const isProven = isSameCode(responseCode(key, request, response), response.code);
  if (isProven && response.clientId === identity.keyId) return;
  throw aedsError('DW_AEDS_SERVER_NOT_AUTHENTIC', { retryable: false });
}

async function readTrustFile(path: string): Promise<TrustStore> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw fileError(error, path);
  }
  try {
    return new TrustStore(JSON.parse(text));
  } catch (cause) {
    throw aedsError('DW_AEDS_TRUST_INVALID', {
      message: `The trust file ${path} is malformed`,
      cause,
    });
  }
}

async function get(
  connection: ServerConnection,
  path: string,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const timeoutMs = enrolTimeoutMs;
  return (await connection.request({ method: 'GET', path, timeoutMs, signal })).body;
}
