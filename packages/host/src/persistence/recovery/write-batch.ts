import { DwError } from '@datawarehouse/sdk';
import { decodeStoredValue } from '../stored-value.js';
import { ByteReader } from './byte-reader.js';

const headerBytes = 12;
const types = { deletion: 0, value: 1 } as const;
/** What every key of the store begins with. */
const keyStart = /^(?:dw:\/\/|!healed\/)/;

/** What a damaged write can still tell. */
export interface WrittenKeys {
  readonly keys: readonly string[];
  /** Whether these are all that it changed. */
  readonly isComplete: boolean;
}

/** One change of a write, as far as it can be understood. */
interface Change {
  readonly key: string;
  /** Where the next change is; right behind the key where the value cannot be trusted. */
  readonly end: number;
  readonly isCertain: boolean;
}

/** Reads the keys of a record of a write-ahead log, and goes on behind what makes no sense. */
export function writtenKeys(payload: Uint8Array): WrittenKeys {
  const keys: string[] = [];
  let isComplete = payload.length >= headerBytes;
  for (let at = headerBytes; at < payload.length; ) {
    const change = readChange(payload, at);
    if (change !== undefined) keys.push(change.key);
    isComplete &&= change?.isCertain === true;
    at = change?.end ?? at + 1;
  }
  const count = isComplete ? Buffer.from(payload.subarray(8, headerBytes)).readUInt32LE(0) : -1;
  return { keys, isComplete: keys.length === count };
}

function readChange(payload: Uint8Array, at: number): Change | undefined {
  const type = payload[at];
  if (type !== types.deletion && type !== types.value) return undefined;
  const reader = new ByteReader(payload, at + 1);
  const key = Buffer.from(reader.lengthPrefixed()).toString('utf8');
  if (!reader.isSound || !keyStart.test(key)) return undefined;
  const keyEnd = reader.position;
  // A deletion has no checksum that would vouch for its key.
  if (type === types.deletion) return { key, end: keyEnd, isCertain: false };
  const value = reader.lengthPrefixed();
  const isCertain = isIntact(key, value);
  return { key, end: isCertain ? reader.position : keyEnd, isCertain };
}

function isIntact(key: string, value: Uint8Array): boolean {
  try {
    decodeStoredValue(key, value);
    return true;
  } catch (error) {
    if (DwError.is(error, 'DW_STORE_CORRUPT')) return false;
    throw error;
  }
}
