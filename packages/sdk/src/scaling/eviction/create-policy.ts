import type { ExpiryHeap } from '../cache/expiry-heap.js';
import type { SlotTable } from '../cache/slot-table.js';
import { ArcPolicy } from './arc-policy.js';
import type { EvictionPolicy, EvictionPolicyName } from './eviction-policy.js';
import { LruPolicy } from './lru-policy.js';
import { TtlPolicy } from './ttl-policy.js';
import { WindowTinyLfuPolicy } from './window-tiny-lfu-policy.js';

/** What the policies need of the cache that they serve. */
export interface PolicyParts {
  readonly table: SlotTable<unknown, unknown>;
  readonly expiries: ExpiryHeap;
  /** At least 0, less than 1. */
  readonly random: () => number;
}

/**
 * Makes a policy.
 *
 * @param end - The first of four slots that close its rings.
 */
export function createPolicy(
  name: EvictionPolicyName,
  end: number,
  { table, expiries, random }: PolicyParts,
): EvictionPolicy {
  switch (name) {
    case 'LRU':
      return new LruPolicy(table, end);
    case 'TTL':
      return new TtlPolicy(table, end, expiries);
    case 'ARC':
      return new ArcPolicy(table, end);
    case 'W-TinyLFU':
      return new WindowTinyLfuPolicy(table, end, random);
  }
}
