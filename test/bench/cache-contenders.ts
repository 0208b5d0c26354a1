import { BoundedCache, type EvictionPolicyName } from '@datawarehouse/sdk';
import { LRUCache } from 'lru-cache';
import { LRUMap } from 'mnemonist';
import QuickLRU from 'quick-lru';
import { lru } from 'tiny-lru';

/** As much of a cache as is measured. */
export interface MeasuredCache {
  get(key: string): unknown;
  set(key: string, value: unknown): unknown;
}

/** What is measured, by name: ours by policy, then the others. */
export const contenders = {
  LRU: (max: number): MeasuredCache => ours(max, 'LRU'),
  ARC: (max: number): MeasuredCache => ours(max, 'ARC'),
  'W-TinyLFU': (max: number): MeasuredCache => ours(max, 'W-TinyLFU'),
  'lru-cache': (max: number): MeasuredCache => new LRUCache<string, object>({ max }),
  'quick-lru': (max: number): MeasuredCache => new QuickLRU<string, unknown>({ maxSize: max }),
  mnemonist: (max: number): MeasuredCache => new LRUMap<string, unknown>(max),
  'tiny-lru': (max: number): MeasuredCache => lru(max),
} as const;

export type ContenderName = keyof typeof contenders;

function ours(maxEntries: number, eviction: EvictionPolicyName): MeasuredCache {
  return new BoundedCache<string, object>({ maxEntries, eviction });
}
