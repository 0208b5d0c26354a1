import { type ErrorTable, errorBuilder } from './define-errors.js';

/** Every code that a message bus may reject with. */
export const busErrors = {
  DW_BUS_CLOSED: {
    message: 'The message bus is closed',
    hint: 'Finish the work that uses the bus before stopping the host.',
    category: 'unavailable',
  },
  DW_BUS_INVALID_TOPIC: {
    message: 'The topic or pattern is malformed',
    hint: 'Use dot-separated names; in a pattern, * stands for one name and > for the rest.',
    category: 'invalid',
  },
  DW_BUS_INVALID_MESSAGE: {
    message: 'The message does not match the schema of its topic',
    hint: 'See the issues in details, and the topic’s documentation.',
    category: 'invalid',
  },
  DW_BUS_TIMEOUT: {
    message: 'A request was not answered in time',
    hint: 'See details.silent for who did not answer.',
    category: 'timeout',
    retryable: true,
  },
  DW_BUS_NO_RESPONDER: {
    message: 'Nobody answers requests on this topic',
    hint: 'Load the plugin that answers it, and ask again.',
    category: 'unavailable',
    retryable: true,
  },
} as const satisfies ErrorTable;

/** A key of {@link busErrors}. */
export type BusErrorCode = keyof typeof busErrors;

/** Builds a message bus's error. */
export const busError = errorBuilder<BusErrorCode>(busErrors);
