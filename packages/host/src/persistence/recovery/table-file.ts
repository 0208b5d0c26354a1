import { ByteReader } from './byte-reader.js';
import { lengthBeforeChecksum } from './crc32c.js';
import { varints } from './manifest.js';
import {
  type BlockHandle,
  encodeBlock,
  isSoundBlock,
  readBlock,
  readHandle,
  trailerBytes,
  userKey,
} from './table-blocks.js';

/** A data block as the index knows it. */
interface IndexEntry extends BlockHandle {
  /** At or behind the last key of the block, and before all of the next. */
  readonly key: Uint8Array;
}

/** Keys that a table may have lost, both bounds included. */
export interface LostRange {
  /** `undefined` where the table begins. */
  readonly from: Buffer | undefined;
  /** `undefined` where the table ends. */
  readonly to: Buffer | undefined;
}

/** What a check of a table finds. */
export interface TableCheck {
  /** Whether the file is as it was written. */
  readonly isSound: boolean;
  readonly lost: readonly LostRange[];
  /** The table with all of it that is sound; `undefined` where nothing is, or everything. */
  readonly rebuilt: Buffer | undefined;
}

const footerBytes = 48;
const magic = Buffer.from('57fb808b247547db', 'hex');

/** Checks every block of a table, and makes a sound table out of what is left of a damaged one. */
export function checkTable(content: Uint8Array): TableCheck {
  const bytes = Buffer.from(content);
  const footer = readFooter(bytes);
  const index = footer && readIndex(bytes, footer.index);
  const { entries, isComplete } =
    index === undefined ? findBlocks(bytes) : { entries: index, isComplete: true };
  const lost: LostRange[] = [];
  const sound: IndexEntry[] = [];
  let previous: Buffer | undefined;
  for (const entry of entries) {
    const key = userKey(entry.key);
    if (isSoundBlock(bytes, entry)) sound.push(entry);
    else lost.push({ from: previous, to: key });
    previous = key;
  }
  if (!isComplete) lost.push({ from: previous, to: undefined });
  const isSound =
    index !== undefined &&
    lost.length === 0 &&
    footer !== undefined &&
    areMetaBlocksSound(bytes, footer.meta) &&
    bytes.equals(content);
  return { isSound, lost, rebuilt: isSound ? undefined : rebuild(bytes, sound) };
}

function readFooter(bytes: Buffer): { meta: BlockHandle; index: BlockHandle } | undefined {
  if (bytes.length < footerBytes || !bytes.subarray(-magic.length).equals(magic)) return undefined;
  const reader = new ByteReader(bytes.subarray(-footerBytes));
  const meta = readHandle(reader);
  const index = readHandle(reader);
  if (meta === undefined || index === undefined) return undefined;
  return bytes.subarray(-footerBytes).equals(encodeFooter(meta, index))
    ? { meta, index }
    : undefined;
}

function encodeFooter(meta: BlockHandle, index: BlockHandle): Buffer {
  const footer = Buffer.alloc(footerBytes);
  const handles = varints(meta.offset, meta.sizeBytes, index.offset, index.sizeBytes);
  footer.set(handles.subarray(0, footerBytes - magic.length));
  footer.set(magic, footerBytes - magic.length);
  return footer;
}

function readIndex(bytes: Buffer, handle: BlockHandle): readonly IndexEntry[] | undefined {
  return readBlock(bytes, handle)?.flatMap(({ key, value }) => {
    const block = readHandle(new ByteReader(value));
    return block === undefined ? [] : [{ key, ...block }];
  });
}

/** A damaged filter would hide keys from who looks for one, though not from a listing. */
function areMetaBlocksSound(bytes: Buffer, meta: BlockHandle): boolean {
  const entries = readBlock(bytes, meta);
  return (
    entries !== undefined &&
    entries.every(({ value }) => {
      const handle = readHandle(new ByteReader(value));
      return handle !== undefined && isSoundBlock(bytes, handle);
    })
  );
}

/** Finds data blocks where the index does not tell: each ends where its own checksum is. */
function findBlocks(bytes: Buffer): { entries: readonly IndexEntry[]; isComplete: boolean } {
  const entries: IndexEntry[] = [];
  for (let offset = 0; ; ) {
    const length = lengthBeforeChecksum(bytes.subarray(offset));
    if (length === undefined) return { entries, isComplete: false };
    const handle = { offset, sizeBytes: length - 1 };
    const key = readBlock(bytes, handle)?.at(-1)?.key;
    const last = entries.at(-1)?.key;
    // Behind the data comes a filter or an index, whose keys do not follow.
    if (key === undefined || key.length <= 8) return { entries, isComplete: true };
    if (last && Buffer.compare(userKey(key), userKey(last)) < 0) {
      return { entries, isComplete: true };
    }
    entries.push({ ...handle, key });
    offset += length + trailerBytes - 1;
  }
}

function rebuild(bytes: Buffer, entries: readonly IndexEntry[]): Buffer | undefined {
  const last = entries.at(-1);
  if (last === undefined) return undefined;
  const data = bytes.subarray(0, last.offset + last.sizeBytes + trailerBytes);
  const meta = encodeBlock([]);
  const index = encodeBlock(
    entries.map(({ key, offset, sizeBytes }) => ({ key, value: varints(offset, sizeBytes) })),
  );
  const footer = encodeFooter(
    { offset: data.length, sizeBytes: meta.length - trailerBytes },
    { offset: data.length + meta.length, sizeBytes: index.length - trailerBytes },
  );
  return Buffer.concat([data, meta, index, footer]);
}
