import { crc32 } from 'node:zlib';
import type { ZodType } from 'zod';
import { replicationError } from '../errors/replication-errors.js';

const checksumBytes = 4;

/** Encodes a value for the store: CRC-32, then JSON. */
export function encodeStored(value: unknown): Uint8Array {
  const json = Buffer.from(JSON.stringify(value), 'utf8');
  const data = Buffer.allocUnsafe(checksumBytes + json.length);
  data.writeUInt32LE(crc32(json), 0);
  json.copy(data, checksumBytes);
  return data;
}

/**
 * Decodes what {@link encodeStored} wrote.
 *
 * @throws {@link DwError} `DW_REPLICATION_RECORD_CORRUPT`.
 */
export function decodeStored<T>(path: string, data: Uint8Array, schema: ZodType<T>): T {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const json = bytes.subarray(checksumBytes);
  if (bytes.length < checksumBytes || bytes.readUInt32LE(0) !== crc32(json)) {
    throw corrupt(path, 'the checksum does not hold');
  }
  const result = schema.safeParse(JSON.parse(json.toString('utf8')));
  if (result.success) return result.data;
  throw corrupt(path, result.error.issues[0]?.message ?? 'the shape is wrong');
}

function corrupt(path: string, reason: string): Error {
  return replicationError('DW_REPLICATION_RECORD_CORRUPT', { details: { path, reason } });
}
