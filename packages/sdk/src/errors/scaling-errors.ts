import { type ErrorTable, errorBuilder } from './define-errors.js';

/** Every code that caches, limits and gates may fail with. */
export const scalingErrors = {
  DW_SCALING_INVALID_LIMITS: {
    message: 'The limits are out of range',
    hint: 'Every limit is a whole number; 0 means "no limit" only for maxQueueDepth.',
    category: 'invalid',
  },
  DW_SCALING_OVERLOADED: {
    message: 'The queue is full, and new work is being shed',
    hint: 'Try again after details.retryAfterMs, or raise maxQueueDepth.',
    category: 'exhausted',
    retryable: true,
  },
  DW_SCALING_CLOSED: {
    message: 'The queue is closed',
    hint: 'Finish the work that uses the queue before closing it.',
    category: 'unavailable',
  },
  DW_CACHE_CLOSED: {
    message: 'The cache is closed',
    hint: 'Finish the work that uses the cache before closing it.',
    category: 'unavailable',
  },
  DW_CACHE_WRITE_FAILED: {
    message: 'Changes could not be written to the backing store',
    hint: 'They are kept and written again until the cache is closed; look at the cause and the store.',
    category: 'unavailable',
    retryable: true,
  },
  DW_CACHE_BACKLOG_FULL: {
    message: 'Too many changes wait to be written to the backing store; nothing was changed',
    hint: 'Use put() and remove(), which wait for room, or try again later; raise maxPendingWrites or maxPendingBytes.',
    category: 'exhausted',
    retryable: true,
  },
  DW_CACHE_ENCODE_FAILED: {
    message: 'A value could not be turned into bytes; nothing was changed',
    hint: 'Without a serializer bytes, text, numbers, booleans, arrays and plain objects can be stored.',
    category: 'invalid',
  },
  DW_CACHE_DECODE_FAILED: {
    message: 'A stored value could not be read back',
    hint: 'Compare the deserializer with what wrote the value; set or delete the key to replace it.',
    category: 'corrupt',
  },
} as const satisfies ErrorTable;

/** A key of {@link scalingErrors}. */
export type ScalingErrorCode = keyof typeof scalingErrors;

/** Builds a scaling error. */
export const scalingError = errorBuilder<ScalingErrorCode>(scalingErrors);
