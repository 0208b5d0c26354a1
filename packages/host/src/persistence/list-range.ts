import type { BackingStoreListOptions } from '@datawarehouse/sdk';
import type { LevelRange } from './level-database.js';

/** Bounds of a listing in bytes: below `prefix`, and beyond `after` in its direction. */
export function listRange(prefix: string, options: BackingStoreListOptions): LevelRange {
  const { after, limit, reverse = false } = options;
  if (limit !== undefined && (!Number.isSafeInteger(limit) || limit < 0)) {
    throw new TypeError(`Not a limit: ${limit}`);
  }
  const lower = Buffer.from(prefix);
  const upper = successor(lower);
  const beyond = after === undefined ? undefined : Buffer.from(after);
  const common = { reverse, ...(limit !== undefined && { limit }) };
  if (beyond === undefined) return { ...common, gte: lower, lt: upper };
  if (reverse) {
    return { ...common, gte: lower, lt: Buffer.compare(beyond, upper) < 0 ? beyond : upper };
  }
  if (Buffer.compare(beyond, lower) < 0) return { ...common, gte: lower, lt: upper };
  return { ...common, gt: beyond, lt: upper };
}

/** First key behind all that start with `prefix`. UTF-8 never has a byte of 255. */
function successor(prefix: Buffer): Buffer {
  const next = Buffer.from(prefix);
  const last = next.length - 1;
  next[last] = (next[last] ?? 0) + 1;
  return next;
}
