import { z } from 'zod';
import { scalingError } from '../errors/scaling-errors.js';

/** What a subsystem may use. Immutable: change limits by giving new ones. */
export interface ScalingLimits {
  /**
   * Most entries of a cache, 1 to 16 777 216.
   * @defaultValue 10000
   */
  readonly maxCacheEntries: number;
  /**
   * Most bytes of memory, 1 024 to 2^53 - 1.
   * @defaultValue 104857600
   */
  readonly maxMemoryBytes: number;
  /**
   * Most operations at a time, 1 to 65 536.
   * @defaultValue 64
   */
  readonly maxConcurrentOperations: number;
  /**
   * Most waiting items of a queue, up to 2^53 - 1; 0 means no limit.
   * @defaultValue 1000
   */
  readonly maxQueueDepth: number;
}

/** Limits of a subsystem that was given none. */
export const defaultScalingLimits: ScalingLimits = Object.freeze({
  maxCacheEntries: 10_000,
  maxMemoryBytes: 104_857_600,
  maxConcurrentOperations: 64,
  maxQueueDepth: 1_000,
});

/** Largest number of entries that a cache may be allowed: what a V8 Map holds. */
export const MAX_CACHE_ENTRIES: number = 2 ** 24;

/** Schema of changed limits as they come from outside: any subset of them, nothing else. */
export const scalingLimitsSchema = z.strictObject({
  maxCacheEntries: z.int().min(1).max(MAX_CACHE_ENTRIES).optional(),
  maxMemoryBytes: z.int().min(1024).optional(),
  maxConcurrentOperations: z.int().min(1).max(65_536).optional(),
  maxQueueDepth: z.int().min(0).optional(),
});

/**
 * Puts changes over limits.
 *
 * @param changes - Any subset of the limits.
 * @returns Frozen, complete, valid limits.
 * @throws {@link DwError} `DW_SCALING_INVALID_LIMITS`.
 */
export function resolveScalingLimits(
  changes: Partial<ScalingLimits> = {},
  base: ScalingLimits = defaultScalingLimits,
): ScalingLimits {
  const result = scalingLimitsSchema.safeParse(changes);
  if (!result.success) {
    const issues = result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    throw scalingError('DW_SCALING_INVALID_LIMITS', {
      message: `The limits are out of range: ${issues.join('; ')}`,
      details: { issues },
    });
  }
  const given = Object.entries(result.data).filter(([, value]) => value !== undefined);
  return Object.freeze({ ...base, ...(Object.fromEntries(given) as Partial<ScalingLimits>) });
}
