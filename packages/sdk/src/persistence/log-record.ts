import { crc32 } from 'node:zlib';
import { z } from 'zod';

/** What a log keeps beside its frames, so that its head outlives the trimming of all of them. */
export interface LogMeta {
  readonly epoch: string;
  /** Nothing before it is held. */
  readonly tailSequence: number;
  /** The head was at least here when this was written. */
  readonly headSequence: number;
  /** Checksum of the frame that ends at `headSequence`, or 0 at the start of an epoch. */
  readonly headChecksum: number;
  /** Bytes of all frames up to `headSequence`, trimmed ones included. */
  readonly endBytes: number;
  /**
   * Whether each commit says of the place behind it that nothing is lost there: the store once
   * called that place damaged, and would do so again.
   */
  readonly isGuarded: boolean;
}

/** How far a consumer has confirmed. */
export interface OffsetRecord {
  readonly id: string;
  readonly epoch: string;
  readonly sequence: number;
}

const sequence = z.int().min(0);

export const logMetaSchema: z.ZodType<LogMeta> = z.object({
  epoch: z.uuid(),
  tailSequence: sequence,
  headSequence: sequence,
  headChecksum: z.int().min(0).max(0xffff_ffff),
  endBytes: z.int().min(0),
  isGuarded: z.boolean().default(false),
});

export const offsetRecordSchema: z.ZodType<OffsetRecord> = z.object({
  id: z.string(),
  epoch: z.string(),
  sequence,
});

/** Writes a record as JSON behind its CRC-32. */
export function encodeRecord(record: LogMeta | OffsetRecord): Uint8Array {
  const json = Buffer.from(JSON.stringify(record), 'utf8');
  const bytes = Buffer.allocUnsafe(4 + json.length);
  bytes.writeUInt32BE(crc32(json), 0);
  json.copy(bytes, 4);
  return bytes;
}

/** Reads a record back; `undefined` where it is damaged. */
export function decodeRecord<T>(data: Uint8Array, schema: z.ZodType<T>): T | undefined {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  if (bytes.length < 4 || bytes.readUInt32BE(0) !== crc32(bytes.subarray(4))) return undefined;
  const result = schema.safeParse(JSON.parse(bytes.toString('utf8', 4)));
  return result.success ? result.data : undefined;
}
