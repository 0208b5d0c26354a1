import { type ErrorTable, errorBuilder } from './define-errors.js';

/** Every code that a write-ahead log may reject with. */
export const logErrors = {
  DW_LOG_CLOSED: {
    message: 'The log is closed',
    hint: 'Finish the work that uses the log before closing it.',
    category: 'unavailable',
  },
  DW_LOG_TRUNCATED: {
    message: 'The entries asked for are no longer held',
    hint: 'Resynchronise the reader, then continue from the first sequence still held.',
    category: 'conflict',
  },
  DW_LOG_GAP: {
    message: 'Entries are missing or damaged in the middle of the log',
    hint: 'Resynchronise readers from another copy; entries after the gap are readable.',
    category: 'corrupt',
  },
  DW_LOG_EPOCH: {
    message: 'The offset belongs to another epoch of the log',
    hint: 'The log was created anew; resynchronise the reader from the start.',
    category: 'conflict',
  },
  DW_LOG_INVALID_OFFSET: {
    message: 'The offset lies outside the log',
    hint: 'Acknowledge only what was read, between the tail and the head.',
    category: 'invalid',
  },
  DW_LOG_UNKNOWN_CONSUMER: {
    message: 'No such consumer is registered',
    hint: 'Register the consumer first; a mistyped id pins nothing.',
    category: 'notFound',
  },
  DW_LOG_FULL: {
    message: 'The log has reached its limit of waiting entries',
    hint: 'Wait for consumers to catch up, or raise maxQueueDepth.',
    category: 'exhausted',
    retryable: true,
  },
  DW_LOG_ENTRY_TOO_LARGE: {
    message: 'The entry is larger than the log accepts',
    hint: 'Keep payloads in the content store, and log a reference.',
    category: 'tooLarge',
  },
} as const satisfies ErrorTable;

/** A key of {@link logErrors}. */
export type LogErrorCode = keyof typeof logErrors;

/** Builds a log's error. */
export const logError = errorBuilder<LogErrorCode>(logErrors);
