import { crc32 } from 'node:zlib';

/** Most entries of one frame: a damaged frame cannot have held more. */
export const MAX_FRAME_ENTRIES = 4_096;

/** What a frame says of itself. */
export interface FrameHeader {
  /** Epoch that it was written in. */
  readonly epoch: string;
  readonly firstSequence: number;
  readonly count: number;
  /** Bytes of all frames before it since the log was created. */
  readonly startBytes: number;
  readonly appendedAtMs: number;
  /** Checksum of the frame before it; 0 at the start of an epoch. */
  readonly previousChecksum: number;
}

/** A frame whose checksum held. */
export interface LogFrame extends FrameHeader {
  readonly lastSequence: number;
  readonly checksum: number;
  readonly sizeBytes: number;
  /** Its entries' bytes, in order; views into one buffer. */
  readonly entries: readonly Uint8Array[];
}

// Offsets of the header's fields. Numbers are big-endian.
const magic = 0x44_57_4c_31; // "DWL1"
const checksumAt = 4;
const previousChecksumAt = 8;
const countAt = 12;
const firstSequenceAt = 16;
const startBytesAt = 24;
const appendedAtAt = 32;
const epochAt = 40;
const headerBytes = 56;

/** Bytes that an entry takes in a frame. */
export function frameEntryBytes(data: Uint8Array): number {
  return 4 + data.byteLength;
}

/**
 * Writes a frame: header, then each entry behind its length.
 *
 * The checksum (CRC-32, ISO 3309) covers everything behind it and continues the one of the
 * previous frame, so that a frame fits behind no other.
 */
export function encodeFrame(
  header: Omit<FrameHeader, 'count'>,
  entries: readonly Uint8Array[],
): { readonly bytes: Uint8Array; readonly frame: LogFrame } {
  const sizeBytes = entries.reduce((sum, data) => sum + frameEntryBytes(data), headerBytes);
  const bytes = Buffer.allocUnsafe(sizeBytes);
  bytes.writeUInt32BE(magic, 0);
  bytes.writeUInt32BE(header.previousChecksum, previousChecksumAt);
  bytes.writeUInt32BE(entries.length, countAt);
  bytes.writeBigUInt64BE(BigInt(header.firstSequence), firstSequenceAt);
  bytes.writeBigUInt64BE(BigInt(header.startBytes), startBytesAt);
  bytes.writeDoubleBE(header.appendedAtMs, appendedAtAt);
  bytes.write(header.epoch.replaceAll('-', ''), epochAt, 'hex');
  let at = headerBytes;
  const views: Uint8Array[] = [];
  for (const data of entries) {
    bytes.writeUInt32BE(data.byteLength, at);
    bytes.set(data, at + 4);
    views.push(bytes.subarray(at + 4, at + 4 + data.byteLength));
    at += frameEntryBytes(data);
  }
  const checksum = checksumOf(bytes, header.previousChecksum);
  bytes.writeUInt32BE(checksum, checksumAt);
  const lastSequence = header.firstSequence + entries.length - 1;
  const frame = { ...header, count: entries.length, lastSequence, checksum, sizeBytes };
  return { bytes, frame: { ...frame, entries: views } };
}

/**
 * Reads a frame back.
 *
 * @returns `undefined` where the bytes are no whole, undamaged frame.
 */
export function decodeFrame(data: Uint8Array): LogFrame | undefined {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  if (bytes.length < headerBytes || bytes.readUInt32BE(0) !== magic) return undefined;
  const checksum = bytes.readUInt32BE(checksumAt);
  const previousChecksum = bytes.readUInt32BE(previousChecksumAt);
  if (checksum !== checksumOf(bytes, previousChecksum)) return undefined;
  const count = bytes.readUInt32BE(countAt);
  const entries = decodeEntries(bytes, count);
  if (entries === undefined) return undefined;
  const firstSequence = Number(bytes.readBigUInt64BE(firstSequenceAt));
  return {
    epoch: epochText(bytes.toString('hex', epochAt, headerBytes)),
    firstSequence,
    lastSequence: firstSequence + count - 1,
    count,
    startBytes: Number(bytes.readBigUInt64BE(startBytesAt)),
    appendedAtMs: bytes.readDoubleBE(appendedAtAt),
    previousChecksum,
    checksum,
    sizeBytes: bytes.length,
    entries,
  };
}

function decodeEntries(bytes: Buffer, count: number): Uint8Array[] | undefined {
  const entries: Uint8Array[] = [];
  let at = headerBytes;
  for (let index = 0; index < count; index += 1) {
    if (at + 4 > bytes.length) return undefined;
    const end = at + 4 + bytes.readUInt32BE(at);
    if (end > bytes.length) return undefined;
    entries.push(bytes.subarray(at + 4, end));
    at = end;
  }
  return count > 0 && at === bytes.length ? entries : undefined;
}

function checksumOf(bytes: Buffer, previousChecksum: number): number {
  return crc32(bytes.subarray(previousChecksumAt), previousChecksum);
}

/** Writes 32 hexadecimal digits as a UUID. */
function epochText(hex: string): string {
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
