import { createHash, type Hash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { CONTENT_CHUNK_BYTES, NODE_ID_PATTERN } from '@datawarehouse/sdk';
import { z } from 'zod';
import { replicationError } from '../../errors/replication-errors.js';
import { positionSchema, scopeFields } from '../../queue/peer-messages.js';

/** First bytes of a bundle. */
export const BUNDLE_MAGIC: Buffer = Buffer.from('DWBUNDLE', 'latin1');

/** Bytes of a SHA-256. */
export const SHA256_BYTES = 32;

/** Digests in one part of a list of chunks. */
export const LIST_PART_LENGTH = 65_536;

/** What a frame holds. The order in a bundle: header, any of chunk, list and record, end, signature. */
export const frameTypes = Object.freeze({
  header: 0x48,
  chunk: 0x43,
  list: 0x4c,
  record: 0x52,
  end: 0x45,
  signature: 0x53,
});

const headBytes = 5;
const maxBodyBytes: Readonly<Record<number, number>> = {
  [frameTypes.header]: 65_536,
  [frameTypes.chunk]: SHA256_BYTES + CONTENT_CHUNK_BYTES,
  [frameTypes.list]: SHA256_BYTES * (LIST_PART_LENGTH + 1),
  [frameTypes.record]: 1_048_576,
  [frameTypes.end]: 65_536,
  [frameTypes.signature]: 64,
};

const epoch = z.string().min(1).max(64);
const sequence = z.int().min(0);

export const bundleHeaderSchema = z.strictObject({
  v: z.literal(1),
  bundleId: z.uuid(),
  /** Node that made and signed it. */
  origin: z.string().regex(NODE_ID_PATTERN),
  /** Node that it is for. */
  audience: z.string().regex(NODE_ID_PATTERN),
  createdAtMs: z.number(),
  ...scopeFields,
  /** The part of the origin's log that it stands for; absent where it leaves something out. */
  range: z.strictObject({ epoch, from: sequence, to: sequence }).optional(),
  /** How far the origin is in the log of the node that it is for. */
  received: positionSchema.optional(),
});

/** What a bundle says of itself. */
export type BundleHeader = Readonly<z.output<typeof bundleHeaderSchema>>;

export const bundleEndSchema = z.strictObject({ recordCount: sequence, chunkCount: sequence });

/** One frame of a bundle. */
export interface BundleFrame {
  readonly type: number;
  readonly body: Buffer;
  /** Where it begins in the file. */
  readonly at: number;
  /** Where the next one begins. */
  readonly next: number;
}

/** Encodes a frame: type, length, body. */
export function encodeFrame(type: number, ...parts: readonly Uint8Array[]): Buffer {
  const head = Buffer.allocUnsafe(headBytes);
  let sizeBytes = 0;
  for (const part of parts) sizeBytes += part.byteLength;
  head.writeUInt8(type, 0);
  head.writeUInt32BE(sizeBytes, 1);
  return Buffer.concat([head, ...parts]);
}

/** Where the bytes of a chunk or of a part of a list begin in their frame. */
export const DIGEST_OFFSET: number = headBytes + SHA256_BYTES;

/**
 * Reads the frame at an offset; of a frame whose type is not `wanted` only the head.
 *
 * @throws {@link DwError} `DW_REPLICATION_BUNDLE_DAMAGED`.
 */
export async function readFrame(
  file: FileHandle,
  at: number,
  wanted?: ReadonlySet<number>,
): Promise<BundleFrame> {
  const head = await readExactly(file, at, headBytes);
  const type = head.readUInt8(0);
  const sizeBytes = head.readUInt32BE(1);
  if (sizeBytes > (maxBodyBytes[type] ?? -1))
    throw damaged('a frame is too long, or of no known kind');
  const isWanted = wanted?.has(type) !== false;
  const body = isWanted ? await readExactly(file, at + headBytes, sizeBytes) : Buffer.alloc(0);
  return { type, body, at, next: at + headBytes + sizeBytes };
}

/** Reads bytes of a file. @throws {@link DwError} `DW_REPLICATION_BUNDLE_DAMAGED` where it ends. */
export async function readExactly(file: FileHandle, at: number, count: number): Promise<Buffer> {
  const data = Buffer.allocUnsafe(count);
  let done = 0;
  while (done < count) {
    const { bytesRead } = await file.read(data, done, count - done, at + done);
    if (bytesRead === 0) throw damaged('it ends too early');
    done += bytesRead;
  }
  return data;
}

/** What the signature of a bundle covers: everything before it. */
export function signedBytes(hash: Hash): Buffer {
  return Buffer.concat([Buffer.from('dw-bundle-v1\n', 'latin1'), hash.digest()]);
}

/** SHA-256 of bytes. */
export function sha256(data: Uint8Array): Buffer {
  return createHash('sha256').update(data).digest();
}

/** The error of a bundle that is not as it was made. */
export function damaged(reason: string, cause?: unknown): Error {
  return replicationError('DW_REPLICATION_BUNDLE_DAMAGED', {
    message: `The bundle is damaged: ${reason}`,
    details: { reason },
    ...(cause !== undefined && { cause }),
  });
}
