import { type ErrorTable, errorBuilder } from '@datawarehouse/sdk';

/** Every code of `dw quickstart`. */
export const quickstartErrors = {
  DW_QUICKSTART_FOLDER: {
    message: 'The folder cannot be used',
    hint: 'Name a folder with two or more files that you may read.',
    category: 'invalid',
  },
  DW_QUICKSTART_PROCESS: {
    message: 'A process of the quickstart failed',
    hint: 'Look at its log, which the message names.',
    category: 'unavailable',
  },
  DW_QUICKSTART_TIMEOUT: {
    message: 'Something that the quickstart waits for did not happen in time',
    hint: 'Run it again on a machine with less load; if it fails again, look at the logs.',
    category: 'timeout',
  },
  DW_QUICKSTART_ANSWER: {
    message: 'A node answered what the quickstart does not understand',
    hint: 'Install packages of one version.',
    category: 'internal',
  },
  DW_QUICKSTART_CHECKS: {
    message: 'Some checks of the quickstart did not hold',
    hint: 'Look at the logs, which were kept; run it again with --verbose for more of them.',
    category: 'internal',
  },
} as const satisfies ErrorTable;

/** A key of {@link quickstartErrors}. */
export type QuickstartErrorCode = keyof typeof quickstartErrors;

/** Builds an error of the quickstart. */
export const quickstartError = errorBuilder<QuickstartErrorCode>(quickstartErrors);
