import { type ErrorTable, errorBuilder } from './define-errors.js';

/** Every code that a backing store may reject with. */
export const storeErrors = {
  DW_STORE_CLOSED: {
    message: 'The backing store is closed',
    hint: 'Finish the work that uses the store before closing it.',
    category: 'unavailable',
  },
  DW_STORE_INVALID_PATH: {
    message: 'The path is not a valid dw:// path',
    hint: 'Build paths with storePath(), which escapes every segment.',
    category: 'invalid',
  },
  DW_STORE_LOCKED: {
    message: 'The data directory is in use by another process',
    hint: 'Stop the other process, or give this one its own data directory.',
    category: 'conflict',
    retryable: true,
  },
  DW_STORE_FULL: {
    message: 'There is no room left on the storage medium',
    hint: 'Free some space; nothing that was acknowledged is lost, and writes work again then.',
    category: 'exhausted',
    retryable: true,
  },
  DW_STORE_CORRUPT: {
    message: 'A stored value is damaged',
    hint: 'Restore it from a replica or a backup; check the disk.',
    category: 'corrupt',
  },
  DW_STORE_IO: {
    message: 'The storage medium failed',
    hint: 'Look at the cause, the disk and the permissions of the data directory.',
    category: 'unavailable',
    retryable: true,
  },
} as const satisfies ErrorTable;

/** A key of {@link storeErrors}. */
export type StoreErrorCode = keyof typeof storeErrors;

/** Builds a store's error. */
export const storeError = errorBuilder<StoreErrorCode>(storeErrors);
