import { createHmac, timingSafeEqual } from 'node:crypto';
import {
  type DwError,
  ed25519PublicKey,
  type INodeIdentity,
  NODE_ID_PATTERN,
  peerError,
  verifyEd25519,
} from '@datawarehouse/sdk';
import { z } from 'zod';
import { noncePattern } from './peer-signature.js';

/** Most bytes of a hello. */
export const MAX_HELLO_BYTES: number = 16 * 1024;
/** Most bytes of the answer, which names other members. */
export const MAX_HELLO_ANSWER_BYTES: number = 256 * 1024;

const node = {
  version: z.literal(1),
  nodeId: z.string().regex(NODE_ID_PATTERN),
  publicKey: z.string().refine((text) => ed25519PublicKey(text) !== undefined),
  endpoint: z.string().max(2_000),
  timestampMs: z.int().min(0),
};

const helloSchema = z.object({
  ...node,
  nonce: z.string().regex(noncePattern),
  /** Node that the sender expects to meet. */
  audience: z.string().regex(NODE_ID_PATTERN).optional(),
  /** Whether an operator asked for it; only then a removed node comes back. */
  isExplicit: z.boolean(),
});

const answerSchema = z.object({
  ...node,
  /** Nonce of the hello that is answered. */
  requestNonce: z.string().regex(noncePattern),
  /** Other members that the responder knows. */
  members: z
    .array(z.object({ nodeId: node.nodeId, endpoint: node.endpoint }))
    .max(1_000)
    .readonly(),
});

/** What a node says when it meets another. */
export type Hello = Readonly<z.output<typeof helloSchema>>;

/** What the other one answers. */
export type HelloAnswer = Readonly<z.output<typeof answerSchema>>;

const envelopeSchema = z.object({
  payload: z.string(),
  mac: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
  signature: z.string().regex(/^[A-Za-z0-9_-]{86}$/),
});

type Kind = 'hello' | 'answer';

/** Makes a hello that proves knowledge of the secret, and possession of the key. */
export function sealHello(hello: Hello, identity: INodeIdentity, secret: string): Uint8Array {
  return seal('hello', hello, identity, secret);
}

/** Makes an answer with the same proofs. */
export function sealAnswer(
  answer: HelloAnswer,
  identity: INodeIdentity,
  secret: string,
): Uint8Array {
  return seal('answer', answer, identity, secret);
}

/**
 * Reads a hello.
 *
 * @throws DwError `DW_PEER_UNAUTHENTICATED` where a proof fails.
 */
export function openHello(bytes: Uint8Array, secret: string): Hello {
  return unseal('hello', bytes, secret, helloSchema);
}

/**
 * Reads an answer.
 *
 * @throws DwError `DW_PEER_BAD_RESPONSE` where it is none, `DW_PEER_UNAUTHENTICATED` where a proof
 *   fails.
 */
export function openAnswer(bytes: Uint8Array, secret: string): HelloAnswer {
  return unseal('answer', bytes, secret, answerSchema);
}

function seal(kind: Kind, content: object, identity: INodeIdentity, secret: string): Uint8Array {
  const payload = JSON.stringify(content);
  const proven = provenBytes(kind, payload);
  const envelope: z.input<typeof envelopeSchema> = {
    payload,
    mac: macOf(proven, secret).toString('base64url'),
    signature: Buffer.from(identity.sign(proven)).toString('base64url'),
  };
  return Buffer.from(JSON.stringify(envelope));
}

/** Nothing of the payload is looked at before the secret is proven. */
function unseal<T extends { readonly publicKey: string }>(
  kind: Kind,
  bytes: Uint8Array,
  secret: string,
  schema: z.ZodType<T>,
): T {
  const envelope = parse(bytes, envelopeSchema);
  if (envelope === undefined) throw malformed(kind);
  const proven = provenBytes(kind, envelope.payload);
  if (!timingSafeEqual(macOf(proven, secret), Buffer.from(envelope.mac, 'base64url'))) {
    throw unproven('The two nodes do not have the same cluster secret');
  }
  const content = parse(Buffer.from(envelope.payload), schema);
  if (content === undefined) throw malformed(kind);
  if (!verifyEd25519(proven, envelope.signature, content.publicKey)) {
    throw unproven('The node does not have the key that it shows');
  }
  return content;
}

function provenBytes(kind: Kind, payload: string): Uint8Array {
  return Buffer.from(`dw-meeting-${kind}-v1\n${payload}`);
}

function macOf(bytes: Uint8Array, secret: string): Buffer {
  return createHmac('sha256', secret).update(bytes).digest();
}

function parse<T>(bytes: Uint8Array, schema: z.ZodType<T>): T | undefined {
  try {
    return schema.safeParse(JSON.parse(Buffer.from(bytes).toString('utf8'))).data;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function malformed(kind: Kind): DwError {
  if (kind === 'answer') return peerError('DW_PEER_BAD_RESPONSE');
  return unproven('The meeting message is malformed');
}

function unproven(message: string): DwError {
  return peerError('DW_PEER_UNAUTHENTICATED', {
    message,
    hint: 'Set the same cluster.secret on both nodes, and the same version of DataWarehouse.',
  });
}
