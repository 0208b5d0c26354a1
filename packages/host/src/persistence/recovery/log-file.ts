import { crc32c, flipBack, lengthWithChecksum, maskChecksum } from './crc32c.js';

/** A stretch of a log file that cannot be trusted. */
export interface LogFileDamage {
  readonly offset: number;
  readonly bytes: Uint8Array;
  /** What can be made out of the record that was there. */
  readonly payload: Uint8Array;
  /** Nothing sound is behind it: a write that never ended looks so. */
  readonly isTail: boolean;
}

/** What is in a log file, or in a manifest, which has the same form. */
export interface LogFileContent {
  /** The sound records, in order. */
  readonly records: readonly Uint8Array[];
  readonly damages: readonly LogFileDamage[];
  /** Damage that could be undone without loss. */
  readonly repairedCount: number;
}

const blockBytes = 32_768;
const headerBytes = 7;
const types = { full: 1, first: 2, middle: 3, last: 4 } as const;

/** A piece of a record, within one block. */
interface Piece {
  readonly type: number;
  readonly data: Uint8Array;
  readonly end: number;
}

/** Reads LevelDB's log format further than LevelDB does: past damage, and with repair. */
export function readLogFile(content: Uint8Array): LogFileContent {
  // Bits are flipped back in place.
  const bytes = Buffer.from(content);
  const reading = new LogReading(bytes);
  for (let at = 0; at < bytes.length; ) {
    const blockEnd = Math.min(bytes.length, (Math.floor(at / blockBytes) + 1) * blockBytes);
    if (blockEnd - at < headerBytes) {
      if (blockEnd % blockBytes !== 0) reading.damaged(at, blockEnd);
      at = blockEnd;
      continue;
    }
    const piece = soundPiece(bytes, at, blockEnd) ?? reading.repaired(repair(bytes, at, blockEnd));
    const end = piece?.end ?? nextSound(bytes, at + 1, blockEnd);
    if (piece === undefined) reading.damaged(at, end);
    else reading.piece(at, piece);
    at = end;
  }
  return reading.end();
}

/** Puts pieces together to records. */
class LogReading {
  readonly #bytes: Uint8Array;
  readonly #records: Uint8Array[] = [];
  readonly #damages: LogFileDamage[] = [];
  #repairedCount = 0;
  #open: { readonly offset: number; readonly parts: Uint8Array[]; isDamaged: boolean } | undefined;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  repaired(piece: Piece | undefined): Piece | undefined {
    if (piece !== undefined) this.#repairedCount += 1;
    return piece;
  }

  piece(offset: number, { type, data, end }: Piece): void {
    if (type === types.full || type === types.first) {
      this.#giveUp(offset);
      this.#open = { offset, parts: [], isDamaged: false };
    }
    this.#open ??= { offset, parts: [], isDamaged: true };
    this.#open.parts.push(data);
    if (type !== types.full && type !== types.last) return;
    if (this.#open.isDamaged) this.#giveUp(end);
    else this.#records.push(Buffer.concat(this.#open.parts));
    this.#open = undefined;
  }

  damaged(offset: number, end: number): void {
    this.#open ??= { offset, parts: [], isDamaged: true };
    this.#open.isDamaged = true;
    this.#open.parts.push(this.#bytes.subarray(Math.min(offset + headerBytes, end), end));
  }

  end(): LogFileContent {
    const tail = this.#open;
    this.#giveUp(this.#bytes.length);
    const last = this.#damages.at(-1);
    if (tail !== undefined && last !== undefined) {
      this.#damages[this.#damages.length - 1] = { ...last, isTail: true };
    }
    return {
      records: this.#records,
      damages: this.#damages,
      repairedCount: this.#repairedCount,
    };
  }

  #giveUp(end: number): void {
    if (this.#open === undefined) return;
    const { offset, parts } = this.#open;
    const bytes = this.#bytes.subarray(offset, end);
    this.#damages.push({ offset, bytes, payload: Buffer.concat(parts), isTail: false });
    this.#open = undefined;
  }
}

function soundPiece(bytes: Buffer, at: number, blockEnd: number): Piece | undefined {
  if (at + headerBytes > blockEnd) return undefined;
  const type = bytes[at + 6] ?? 0;
  const end = at + headerBytes + bytes.readUInt16LE(at + 4);
  if (type < types.full || type > types.last || end > blockEnd) return undefined;
  if (maskChecksum(crc32c(bytes.subarray(at + 6, end))) !== bytes.readUInt32LE(at)) {
    return undefined;
  }
  return { type, data: bytes.subarray(at + headerBytes, end), end };
}

/** Undoes one flipped bit, or finds out a length that is wrong. */
function repair(bytes: Buffer, at: number, blockEnd: number): Piece | undefined {
  const stored = bytes.readUInt32LE(at);
  const length = 1 + bytes.readUInt16LE(at + 4);
  const covered = bytes.subarray(at + 6, blockEnd);
  const isFlipped = length <= covered.length && flipBack(covered.subarray(0, length), stored);
  const actual = isFlipped ? length : lengthWithChecksum(covered, stored);
  if (actual === undefined) return undefined;
  bytes.writeUInt32LE(maskChecksum(crc32c(covered.subarray(0, actual))), at);
  bytes.writeUInt16LE(actual - 1, at + 4);
  return soundPiece(bytes, at, blockEnd);
}

function nextSound(bytes: Buffer, from: number, blockEnd: number): number {
  for (let at = from; at + headerBytes < blockEnd; at += 1) {
    if (soundPiece(bytes, at, blockEnd) !== undefined) return at;
  }
  return blockEnd;
}

/** Writes records in LevelDB's log format. */
export function writeLogFile(records: readonly Uint8Array[]): Buffer {
  const pieces: Uint8Array[] = [];
  let size = 0;
  const push = (piece: Uint8Array): void => {
    pieces.push(piece);
    size += piece.length;
  };
  for (const record of records) {
    let rest = record;
    for (let isFirst = true; isFirst || rest.length > 0; isFirst = false) {
      const left = blockBytes - (size % blockBytes);
      if (left < headerBytes) push(Buffer.alloc(left));
      const room = blockBytes - (size % blockBytes) - headerBytes;
      const data = rest.subarray(0, room);
      rest = rest.subarray(data.length);
      push(pieceBytes(typeOf(isFirst, rest.length === 0), data));
      if (rest.length === 0) break;
    }
  }
  return Buffer.concat(pieces);
}

function typeOf(isFirst: boolean, isLast: boolean): number {
  if (isFirst) return isLast ? types.full : types.first;
  return isLast ? types.last : types.middle;
}

function pieceBytes(type: number, data: Uint8Array): Buffer {
  const piece = Buffer.alloc(headerBytes + data.length);
  piece[6] = type;
  piece.set(data, headerBytes);
  piece.writeUInt16LE(data.length, 4);
  piece.writeUInt32LE(maskChecksum(crc32c(piece.subarray(6))), 0);
  return piece;
}
