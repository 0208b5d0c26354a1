import { z } from 'zod';
import { capabilitiesSchema, clientNameSchema } from '../collections/client-record.js';
import { targetStates } from '../delivery/target-record.js';
import { channelIdSchema, fingerprintSchema, timedIdSchema } from '../identity/identifiers.js';
import { signedEnvelopeSchema } from '../manifests/signed-envelope.js';
import { trustAnchorsSchema } from '../manifests/trust-store.js';

/** Longest that a poll waits for news, in milliseconds. */
export const MAX_POLL_WAIT_MS = 25_000;

/** Most manifests in one answer, and most reports in one request. */
const MAX_DELIVERIES = 16;
const MAX_REPORTS = 100;

/** Largest body of any request of an agent, in bytes. */
export const MAX_AGENT_BODY_BYTES = 65_536;

const digest = z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'must be 32 bytes in base64url');
const nonce = z.string().regex(/^[0-9a-f]{32}$/, 'must be 16 bytes in hexadecimal');
/** How the server would like its payloads to be fetched, as it measures now. */
const transferSchema = z.strictObject({
  chunkSizeBytes: z.int().min(1),
  maxConcurrentChunks: z.int().min(1),
});
const subscriptions = z.array(channelIdSchema).max(100);

/** What a client asks to be enrolled with. The codes prove that it knows the PIN and its key. */
export const enrolmentRequestSchema = z.strictObject({
  invitationId: z.string().regex(/^[0-9A-HJKMNP-TV-Z]{4}$/),
  publicKey: z.string().max(100),
  name: clientNameSchema,
  capabilities: capabilitiesSchema,
  channels: subscriptions,
  nonce,
  /** HMAC of the rest under a key made from the PIN. */
  code: digest,
  /** Ed25519 of the rest under the client's key. */
  signature: z.string().max(100),
});
export type EnrolmentRequest = Readonly<z.output<typeof enrolmentRequestSchema>>;

/** What the server proves to be its own to a client that knows the PIN. */
export const enrolmentResponseSchema = z.strictObject({
  serverId: z.string().max(64),
  clientId: fingerprintSchema,
  anchors: trustAnchorsSchema,
  /** HMAC of the rest, and of the request's code, under the key made from the PIN. */
  code: digest,
});
export type EnrolmentResponse = Readonly<z.output<typeof enrolmentResponseSchema>>;

/** Where an enrolling client gets what its key derivation needs. */
export const invitationSaltSchema = z.strictObject({ salt: digest });

/** Where a client stands with the operator. */
const statusSchema = z.enum(['pending', 'approved', 'revoked']);

export const pollRequestSchema = z.strictObject({
  waitMs: z.int().min(0).max(MAX_POLL_WAIT_MS),
  /** Jobs that the client has in hand; they are not sent again. */
  inHand: z.array(timedIdSchema).max(500),
  /** How many more it can take. */
  capacity: z.int().min(0).max(MAX_DELIVERIES),
  /** Channels that it wants. */
  subscriptions,
  /** Where it stands, by the answer before; another standing is news. */
  status: statusSchema.exactOptional(),
});
export type PollRequest = Readonly<z.output<typeof pollRequestSchema>>;

export const pollResponseSchema = z.strictObject({
  status: statusSchema,
  /** Channels that the client is in, mandatory ones too. */
  channels: z.array(channelIdSchema).max(2000),
  transfer: transferSchema,
  deliveries: z
    .array(z.strictObject({ jobId: timedIdSchema, envelope: signedEnvelopeSchema }))
    .max(MAX_DELIVERIES),
});
export type PollResponse = Readonly<z.output<typeof pollResponseSchema>>;

/** What a client did with a manifest, or how far it is. */
export const reportSchema = z.strictObject({
  jobId: timedIdSchema,
  state: z.enum(['downloading', 'verified', 'applied', 'failed', 'refused']),
  bytes: z.int().min(0).exactOptional(),
  attempt: z.int().min(0).max(1_000_000).exactOptional(),
  code: z
    .string()
    .regex(/^DW_[A-Z0-9_]{1,96}$/)
    .exactOptional(),
  message: z.string().max(500).exactOptional(),
});
export type Report = Readonly<z.output<typeof reportSchema>>;

export const reportRequestSchema = z.strictObject({
  reports: z.array(reportSchema).min(1).max(MAX_REPORTS),
});

/** The first reports, as many as one request may hold. */
export function fittingReports(reports: readonly Report[]): readonly Report[] {
  let bytes = JSON.stringify({ reports: [] }).length;
  const end = reports.findIndex((report) => {
    bytes += Buffer.byteLength(JSON.stringify(report)) + 1;
    return bytes > MAX_AGENT_BODY_BYTES;
  });
  return reports.slice(0, Math.min(MAX_REPORTS, end === -1 ? reports.length : end));
}

export const reportResponseSchema = z.strictObject({
  transfer: transferSchema,
  results: z
    .array(
      z.strictObject({
        jobId: timedIdSchema,
        isAccepted: z.boolean(),
        /** Where the target stands now. */
        state: z.enum(targetStates).exactOptional(),
        /** Why the report was not accepted. */
        code: z.string().max(100).exactOptional(),
      }),
    )
    .max(MAX_REPORTS),
});
export type ReportResponse = Readonly<z.output<typeof reportResponseSchema>>;
