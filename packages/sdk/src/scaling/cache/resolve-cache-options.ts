import { scalingError } from '../../errors/scaling-errors.js';
import type {
  BoundedCacheOptions,
  CacheReconfiguration,
  ResolvedCacheOptions,
} from '../bounded-cache-options.js';
import { MAX_CACHE_ENTRIES } from '../scaling-limits.js';
import { ramBudgetBytes, ramPercentageRange } from './ram-budget.js';

const evictions: readonly string[] = ['LRU', 'TTL', 'ARC', 'W-TinyLFU'];

const defaultCacheOptions: ResolvedCacheOptions = Object.freeze({
  maxEntries: 10_000,
  maxBytes: Infinity,
  defaultTtlMs: Infinity,
  eviction: 'LRU',
  autoSizeFromRam: false,
  ramPercentage: 0.1,
  estimates: false,
});

/**
 * Puts options over others.
 *
 * @throws {@link DwError} `DW_SCALING_INVALID_LIMITS`.
 */
export function resolveCacheOptions<K, V>(
  changes: BoundedCacheOptions<K, V> | CacheReconfiguration,
  base: ResolvedCacheOptions = defaultCacheOptions,
): ResolvedCacheOptions {
  const autoSizeFromRam = changes.autoSizeFromRam ?? base.autoSizeFromRam;
  const [least, most] = ramPercentageRange;
  const asked = changes.ramPercentage ?? base.ramPercentage;
  const ramPercentage = Math.min(most, Math.max(least, asked));
  const given = changes.maxBytes ?? base.maxBytes;
  const options = {
    maxEntries: changes.maxEntries ?? base.maxEntries,
    maxBytes: autoSizeFromRam ? Math.min(given, ramBudgetBytes(ramPercentage)) : given,
    defaultTtlMs: changes.defaultTtlMs ?? base.defaultTtlMs,
    eviction: changes.eviction ?? base.eviction,
    autoSizeFromRam,
    ramPercentage,
    estimates: ('estimates' in changes ? changes.estimates : undefined) ?? base.estimates,
  };
  const { maxEntries, maxBytes, defaultTtlMs, eviction } = options;
  const isValid =
    Number.isInteger(maxEntries) &&
    maxEntries >= 1 &&
    maxEntries <= MAX_CACHE_ENTRIES &&
    maxBytes >= 1 &&
    defaultTtlMs >= 0 &&
    evictions.includes(eviction) &&
    !Number.isNaN(ramPercentage);
  if (isValid) return Object.freeze(options);
  throw scalingError('DW_SCALING_INVALID_LIMITS', {
    details: { maxEntries, maxBytes, defaultTtlMs, eviction, ramPercentage },
  });
}
