import { CONTENT_CHUNK_BYTES, contentChunkCount, NODE_ID_PATTERN } from '@datawarehouse/sdk';
import { z } from 'zod';
import { fileNameProblem } from '../files/safe-file-name.js';
import {
  channelIdSchema,
  fingerprintSchema,
  timedIdSchema,
  timestampSchema,
} from '../identity/identifiers.js';

/** Most chunk digests that a manifest carries itself; a longer list is fetched, and checked against the payload id. */
export const MAX_INLINE_CHUNKS = 256;

/** Largest payload that a manifest can name: 64 GiB. */
export const MAX_PAYLOAD_BYTES: number = 64 * 1024 ** 3;

/** What a client does with a payload. */
export const manifestActions = ['passive', 'notify', 'execute', 'interactive', 'custom'] as const;
export type ManifestAction = (typeof manifestActions)[number];

const wellFormed = (max: number): z.ZodString =>
  z
    .string()
    .max(max)
    .refine((text) => text.isWellFormed(), 'must be well-formed Unicode');

const fileNameSchema = z.string().refine((name) => fileNameProblem(name) === undefined, {
  error: 'must be a plain file name',
});

const hex = z.string().regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 digest');

const payloadSchema = z
  .strictObject({
    /** Digest of a payload reference of the content store. */
    payloadId: z.string().regex(/^sha256(?:-chunks)?:[0-9a-f]{64}$/, 'must be a content address'),
    name: fileNameSchema,
    contentType: wellFormed(200),
    sizeBytes: z.int().min(0).max(MAX_PAYLOAD_BYTES),
    /** Of the whole payload. */
    contentHash: z.string().regex(/^sha256:[0-9a-f]{64}$/, 'must be a SHA-256 digest'),
    /** Of each 64 KiB, in order; absent where there are more than {@link MAX_INLINE_CHUNKS}. */
    chunkHashes: z.array(hex).max(MAX_INLINE_CHUNKS).exactOptional(),
  })
  .superRefine(checkPayload);

function checkPayload(
  payload: { payloadId: string; sizeBytes: number; chunkHashes?: string[] },
  context: z.RefinementCtx,
): void {
  const count = contentChunkCount(payload.sizeBytes);
  if (payload.payloadId.startsWith('sha256:') !== payload.sizeBytes <= CONTENT_CHUNK_BYTES) {
    context.addIssue({ code: 'custom', message: 'payloadId is of the wrong kind for its size' });
  }
  const isInline = count <= MAX_INLINE_CHUNKS;
  if (isInline ? payload.chunkHashes?.length !== count : payload.chunkHashes !== undefined) {
    context.addIssue({ code: 'custom', message: 'chunkHashes does not fit sizeBytes' });
  }
}

/** Shape of an intent manifest: what to deliver, to whom, and what to do with it. */
export const intentManifestSchema = z
  .strictObject({
    manifestId: timedIdSchema,
    /** Node that published it; a client takes manifests of its own server only. */
    serverId: z.string().regex(NODE_ID_PATTERN),
    /** Milliseconds since the epoch, as every time here. */
    createdAt: timestampSchema,
    expiresAt: timestampSchema.exactOptional(),
    action: z.enum(manifestActions),
    notificationTier: z.enum(['silent', 'toast', 'modal']),
    deliveryMode: z.enum(['unicast', 'broadcast', 'multicast']),
    /** Client ids for unicast, channel ids for broadcast, nothing for multicast. */
    targets: z.array(z.string()).max(1000),
    /** Whom a multicast reaches. */
    criteria: z
      .strictObject({
        /** Bits that a client must have, all of them. */
        capabilities: z.int().min(0).max(127),
        minTrustLevel: z.int().min(0).max(4),
      })
      .exactOptional(),
    priority: z.int().min(0).max(100),
    payload: payloadSchema,
    /** For `execute`, `interactive` and `custom`. */
    actionScript: wellFormed(65_536).exactOptional(),
    metadata: z.record(wellFormed(100), wellFormed(1000)).exactOptional(),
  })
  .superRefine(checkTargets);

function checkTargets(
  manifest: { deliveryMode: string; targets: string[]; criteria?: object },
  context: z.RefinementCtx,
): void {
  const { deliveryMode, targets, criteria } = manifest;
  const isMulticast = deliveryMode === 'multicast';
  if ((criteria !== undefined) !== isMulticast) {
    context.addIssue({ code: 'custom', message: 'criteria belong to multicast, and to it alone' });
  }
  if (isMulticast !== (targets.length === 0)) {
    context.addIssue({ code: 'custom', message: 'targets do not fit deliveryMode' });
  }
  const one = deliveryMode === 'unicast' ? fingerprintSchema : channelIdSchema;
  if (
    new Set(targets).size !== targets.length ||
    targets.some((id) => !one.safeParse(id).success)
  ) {
    context.addIssue({ code: 'custom', message: 'targets holds a malformed or repeated id' });
  }
}

/** An intent manifest, checked. */
export type IntentManifest = Readonly<z.output<typeof intentManifestSchema>>;
