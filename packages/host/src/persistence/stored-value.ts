import { crc32 } from 'node:zlib';
import { storeError } from '@datawarehouse/sdk';

/** Bytes in front of each value: CRC-32 (as in zlib) over its path and its data, big-endian. */
const checksumBytes = 4;

function checksum(path: string, data: Uint8Array): number {
  return crc32(data, crc32(path));
}

/** Bytes that data takes as a stored value. */
export function storedValueBytes(data: Uint8Array): number {
  return checksumBytes + data.byteLength;
}

/**
 * Puts the checksum in front of the data. LevelDB's own do not tell every damage.
 *
 * @param value - Where it is written to, as long as {@link storedValueBytes} says.
 */
export function encodeStoredValue(path: string, data: Uint8Array, value: Buffer): Buffer {
  value.writeUInt32BE(checksum(path, data));
  value.set(data, checksumBytes);
  return value;
}

/**
 * Checks a stored value, and returns the data in it.
 *
 * @throws DwError `DW_STORE_CORRUPT`.
 */
export function decodeStoredValue(path: string, value: Uint8Array): Uint8Array {
  const { buffer, byteOffset, byteLength } = value;
  if (byteLength >= checksumBytes) {
    const length = byteLength - checksumBytes;
    const data = new Uint8Array(buffer, byteOffset + checksumBytes, length);
    const expected = new DataView(buffer, byteOffset).getUint32(0);
    if (checksum(path, data) === expected) return data;
  }
  throw storeError('DW_STORE_CORRUPT', {
    message: `The value stored at ${path.slice(0, 200)} is damaged`,
    details: { path, storedBytes: byteLength },
  });
}
