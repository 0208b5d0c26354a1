import { ByteReader } from './byte-reader.js';
import { crc32c, flipBack, maskChecksum } from './crc32c.js';
import { varints } from './manifest.js';
import { unsnappy } from './snappy.js';

/** Where a block is; its type and checksum follow it. */
export interface BlockHandle {
  readonly offset: number;
  readonly sizeBytes: number;
}

/** A key of a block and what it has there. */
export interface BlockEntry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** Bytes behind a block: its type and its checksum. */
export const trailerBytes = 5;
/** Bytes behind a key: its sequence and type. */
const tagBytes = 8;

/** Checks a block; one flipped bit in it is flipped back. */
export function isSoundBlock(bytes: Buffer, { offset, sizeBytes }: BlockHandle): boolean {
  const end = offset + sizeBytes + 1;
  if (end + 4 > bytes.length) return false;
  const covered = bytes.subarray(offset, end);
  const stored = bytes.readUInt32LE(end);
  if (maskChecksum(crc32c(covered)) === stored) return true;
  if (!flipBack(covered, stored)) return false;
  bytes.writeUInt32LE(maskChecksum(crc32c(covered)), end);
  return true;
}

/** Contents of a block; `undefined` where it is damaged. */
export function readBlock(bytes: Buffer, handle: BlockHandle): readonly BlockEntry[] | undefined {
  if (!isSoundBlock(bytes, handle)) return undefined;
  const stored = bytes.subarray(handle.offset, handle.offset + handle.sizeBytes);
  const block = bytes[handle.offset + handle.sizeBytes] === 1 ? unsnappy(stored) : stored;
  return block && blockEntries(block);
}

function blockEntries(block: Uint8Array): readonly BlockEntry[] | undefined {
  if (block.length < 4) return undefined;
  const restartCount = Buffer.from(block.subarray(-4)).readUInt32LE(0);
  const end = block.length - 4 * (restartCount + 1);
  if (end < 0) return undefined;
  const reader = new ByteReader(block.subarray(0, end));
  const entries: BlockEntry[] = [];
  let key: Uint8Array = new Uint8Array(0);
  while (!reader.isAtEnd) {
    const shared = reader.varint();
    const fresh = reader.varint();
    const valueBytes = reader.varint();
    key = Buffer.concat([key.subarray(0, shared), reader.bytes(fresh)]);
    entries.push({ key, value: reader.bytes(valueBytes) });
    if (!reader.isSound || key.length !== shared + fresh) return undefined;
  }
  return entries;
}

/** Reads where a block is. */
export function readHandle(reader: ByteReader): BlockHandle | undefined {
  const handle = { offset: reader.varint(), sizeBytes: reader.varint() };
  return reader.isSound ? handle : undefined;
}

/** Encodes entries as a block with its trailer. No key leans on the one before it. */
export function encodeBlock(entries: readonly BlockEntry[]): Buffer {
  const parts: Uint8Array[] = [];
  const restarts: number[] = [];
  let size = 0;
  for (const { key, value } of entries) {
    restarts.push(size);
    const entry = Buffer.concat([varints(0, key.length, value.length), key, value]);
    parts.push(entry);
    size += entry.length;
  }
  if (restarts.length === 0) restarts.push(0);
  const end = Buffer.alloc(4 * (restarts.length + 1) + trailerBytes);
  for (const [index, restart] of [...restarts, restarts.length].entries()) {
    end.writeUInt32LE(restart, 4 * index);
  }
  const block = Buffer.concat([...parts, end]);
  const checksum = maskChecksum(crc32c(block.subarray(0, block.length - 4)));
  block.writeUInt32LE(checksum, block.length - 4);
  return block;
}

/** The key as it was written, without its sequence and type. */
export function userKey(key: Uint8Array): Buffer {
  return Buffer.from(key.subarray(0, Math.max(0, key.length - tagBytes)));
}
