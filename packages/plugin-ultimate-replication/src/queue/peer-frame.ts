import { type ZodType, z } from 'zod';
import { replicationError } from '../errors/replication-errors.js';

/** A message between nodes: a JSON header and any number of byte strings. */
export interface PeerFrame<THeader> {
  readonly header: THeader;
  readonly attachments: readonly Uint8Array[];
}

const lengthBytes = 4;
const envelopeSchema = z.object({ header: z.unknown(), sizes: z.array(z.int().min(0)) });

/** Encodes a message: length of the head, head in JSON, attachments end to end. */
export function encodePeerFrame(
  header: unknown,
  attachments: readonly Uint8Array[] = [],
): Uint8Array {
  const sizes = attachments.map(({ byteLength }) => byteLength);
  const head = Buffer.from(JSON.stringify({ header, sizes }), 'utf8');
  const length = Buffer.allocUnsafe(lengthBytes);
  length.writeUInt32BE(head.length, 0);
  return Buffer.concat([length, head, ...attachments]);
}

/**
 * Decodes what {@link encodePeerFrame} wrote. Attachments are views into `data`.
 *
 * @throws {@link DwError} `DW_REPLICATION_INVALID_MESSAGE`.
 */
export function decodePeerFrame<THeader>(
  data: Uint8Array,
  schema: ZodType<THeader>,
): PeerFrame<THeader> {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const headEnd = bytes.length < lengthBytes ? -1 : lengthBytes + bytes.readUInt32BE(0);
  if (headEnd === -1 || headEnd > bytes.length) throw malformedFrame('it ends too early');
  const envelope = envelopeSchema.safeParse(parseJson(bytes.subarray(lengthBytes, headEnd)));
  if (!envelope.success) throw malformedFrame('its head has the wrong shape');
  const header = schema.safeParse(envelope.data.header);
  if (!header.success) throw malformedFrame(header.error.issues[0]?.message ?? 'its head is wrong');
  const attachments: Uint8Array[] = [];
  let at = headEnd;
  for (const size of envelope.data.sizes) {
    attachments.push(bytes.subarray(at, at + size));
    at += size;
  }
  if (at !== bytes.length) throw malformedFrame('its length is wrong');
  return { header: header.data, attachments };
}

function parseJson(data: Buffer): unknown {
  try {
    return JSON.parse(data.toString('utf8'));
  } catch (cause) {
    throw malformedFrame('its head is no JSON', cause);
  }
}

/** Says that a message of another node makes no sense. */
export function malformedFrame(reason: string, cause?: unknown): Error {
  return replicationError('DW_REPLICATION_INVALID_MESSAGE', {
    message: `A message of another node is malformed: ${reason}`,
    details: { reason },
    ...(cause !== undefined && { cause }),
  });
}
