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

/** What is known of a whole frame without its entries. */
export interface FrameSummary extends FrameHeader {
  readonly lastSequence: number;
  readonly checksum: number;
  readonly sizeBytes: number;
}

/** A frame whose checksum held. */
export interface LogFrame extends FrameSummary {
  /** As stored. */
  readonly bytes: Buffer;
  /** Where each entry begins in {@link bytes}, with its length, and where the last one ends. */
  readonly offsets: Uint32Array;
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
/** Bytes of the length in front of each entry. */
const lengthBytes = 4;

/** Bytes that an entry takes in a frame. */
export function frameEntryBytes(data: Uint8Array): number {
  // Half the time of `byteLength`, which engines do not inline.
  return lengthBytes + data.length;
}

/** Bytes of all frames up to this one since the log was created. */
export function frameEndBytes(frame: FrameSummary): number {
  return frame.startBytes + frame.sizeBytes;
}

/** An entry's bytes: a view into the frame. */
export function frameEntry(frame: LogFrame, index: number): Uint8Array {
  const { bytes, offsets } = frame;
  const start = (offsets[index] ?? bytes.length) + lengthBytes;
  const end = offsets[index + 1] ?? start;
  return new Uint8Array(bytes.buffer, bytes.byteOffset + start, end - start);
}

/**
 * Writes a frame: header, then each entry behind its length.
 *
 * The checksum (CRC-32, ISO 3309) covers everything behind it and continues the one of the
 * previous frame, so that a frame fits behind no other.
 *
 * @param reserve - Gives the memory that the frame is written into.
 */
export function encodeFrame(
  header: Omit<FrameHeader, 'count'>,
  entries: readonly { readonly data: Uint8Array }[],
  reserve: (sizeBytes: number) => Buffer = (length) => Buffer.allocUnsafe(length),
): { readonly frame: FrameSummary; readonly bytes: Buffer } {
  const count = entries.length;
  let sizeBytes = headerBytes;
  for (const { data } of entries) sizeBytes += frameEntryBytes(data);
  const bytes = reserve(sizeBytes);
  bytes.writeUInt32BE(magic, 0);
  bytes.writeUInt32BE(header.previousChecksum, previousChecksumAt);
  bytes.writeUInt32BE(count, countAt);
  bytes.writeBigUInt64BE(BigInt(header.firstSequence), firstSequenceAt);
  bytes.writeBigUInt64BE(BigInt(header.startBytes), startBytesAt);
  bytes.writeDoubleBE(header.appendedAtMs, appendedAtAt);
  bytes.write(header.epoch.replaceAll('-', ''), epochAt, 'hex');
  let at = headerBytes;
  for (const { data } of entries) {
    const { length } = data;
    bytes.writeUInt32BE(length, at);
    at += lengthBytes;
    bytes.set(data, at);
    at += length;
  }
  const checksum = checksumOf(bytes, header.previousChecksum);
  bytes.writeUInt32BE(checksum, checksumAt);
  const lastSequence = header.firstSequence + count - 1;
  return { frame: { ...header, count, lastSequence, checksum, sizeBytes }, bytes };
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
  const offsets = offsetsOf(bytes, count);
  if (offsets === undefined) return undefined;
  const firstSequence = Number(bytes.readBigUInt64BE(firstSequenceAt));
  return {
    epoch: epochText(bytes.toString('hex', epochAt, headerBytes)),
    firstSequence,
    startBytes: Number(bytes.readBigUInt64BE(startBytesAt)),
    appendedAtMs: bytes.readDoubleBE(appendedAtAt),
    previousChecksum,
    count,
    lastSequence: firstSequence + count - 1,
    checksum,
    sizeBytes: bytes.length,
    bytes,
    offsets,
  };
}

function offsetsOf(bytes: Buffer, count: number): Uint32Array | undefined {
  if (count === 0 || count > MAX_FRAME_ENTRIES) return undefined;
  const offsets = new Uint32Array(count + 1);
  let at = headerBytes;
  for (let index = 0; index < count; index += 1) {
    offsets[index] = at;
    if (at + lengthBytes > bytes.length) return undefined;
    at += lengthBytes + bytes.readUInt32BE(at);
  }
  offsets[count] = at;
  return at === bytes.length ? offsets : undefined;
}

function checksumOf(bytes: Buffer, previousChecksum: number): number {
  return crc32(bytes.subarray(previousChecksumAt), previousChecksum);
}

/** Writes 32 hexadecimal digits as a UUID. */
function epochText(hex: string): string {
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
