import { type ErrorTable, errorBuilder } from './define-errors.js';

/** Every code that a content store may reject with. */
export const contentErrors = {
  DW_CONTENT_CLOSED: {
    message: 'The content store is closed',
    hint: 'Finish the work that uses the content store before closing it.',
    category: 'unavailable',
  },
  DW_CONTENT_NOT_FOUND: {
    message: 'The content is not in this store',
    hint: 'Fetch it from a node that has it.',
    category: 'notFound',
  },
  DW_CONTENT_CORRUPT: {
    message: 'Stored content does not match its digest',
    hint: 'Fetch the named chunk again from another node; check the disk.',
    category: 'corrupt',
  },
  DW_CONTENT_MISMATCH: {
    message: 'The bytes offered do not match the digest they were offered under',
    hint: 'Fetch them again, from another source if it happens twice.',
    category: 'invalid',
    retryable: true,
  },
  DW_CONTENT_RANGE: {
    message: 'The byte range lies outside the content',
    hint: 'Ask for a range between 0 and the size of the content.',
    category: 'invalid',
  },
  DW_CONTENT_TOO_LARGE: {
    message: 'The content is larger than the limit',
    hint: 'Raise the limit, or split the content.',
    category: 'tooLarge',
  },
  DW_CONTENT_BAD_REFERENCE: {
    message: 'The payload reference is malformed',
    hint: 'Use the reference that the content store returned.',
    category: 'invalid',
  },
} as const satisfies ErrorTable;

/** A key of {@link contentErrors}. */
export type ContentErrorCode = keyof typeof contentErrors;

/** Builds a content store's error. */
export const contentError = errorBuilder<ContentErrorCode>(contentErrors);
