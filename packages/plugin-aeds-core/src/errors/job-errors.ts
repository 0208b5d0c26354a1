import type { ErrorTable } from '@datawarehouse/sdk';

/** Codes of the jobs of AEDS. */
export const jobErrors = {
  DW_AEDS_JOB_UNKNOWN: {
    message: 'There is no such job',
    hint: 'See `dw jobs` for the jobs of this node.',
    category: 'notFound',
  },
  DW_AEDS_JOB_FINISHED: {
    message: 'The job is finished',
    hint: 'Only a job that is queued or in progress can be cancelled, paused or resumed.',
    category: 'conflict',
  },
  DW_AEDS_JOB_EXISTS: {
    message: 'There is a job of this id already',
    hint: 'Give each job an id of its own, or use an idempotency key to get the one that is there.',
    category: 'conflict',
  },
  DW_AEDS_JOB_NOT_DEAD: {
    message: 'The job is not a dead letter',
    hint: 'See `dw jobs dead` for jobs whose attempts have all failed; others need not be sent again.',
    category: 'conflict',
  },
  DW_AEDS_JOB_TOO_LARGE: {
    message: 'The data of the job is too large',
    hint: 'Store what is large, and give the job a reference to it.',
    category: 'invalid',
  },
  DW_AEDS_JOB_RESULT_TOO_LARGE: {
    message: 'The result of the job is too large',
    hint: 'Let the handler store what is large, and return a reference to it.',
    category: 'invalid',
  },
  DW_AEDS_JOB_INTERRUPTED: {
    message: 'The process ended while it ran the job',
    hint: 'Where it happens again and again, look for what the job does to the process.',
    category: 'unavailable',
    retryable: true,
  },
  DW_AEDS_JOB_CANCELLED: {
    message: 'The job was cancelled',
    hint: 'Publish again where it was cancelled by mistake.',
    category: 'conflict',
  },
  DW_AEDS_JOB_PAUSED: {
    message: 'The job was paused',
    hint: 'Let it run with `dw jobs resume`.',
    category: 'conflict',
  },
  DW_AEDS_JOB_OVER: {
    message: 'The job’s end was decided before the handler came to it',
    hint: 'Nothing of the handler was stored; it was cancelled, paused, or its time was over.',
    category: 'conflict',
  },
  DW_AEDS_JOB_NO_HANDLER: {
    message: 'No handler of the job’s name is registered',
    hint: 'Load the plugin that registers it, and publish again.',
    category: 'unavailable',
  },
  DW_AEDS_JOB_TIMEOUT: {
    message: 'The job did not end within its time limit',
    hint: 'Look at the load of the node; raise jobTimeLimitMs where the work needs longer.',
    category: 'timeout',
  },
  DW_AEDS_JOB_FAILED: {
    message: 'The job’s handler failed',
    hint: 'See the job’s error for the cause.',
    category: 'internal',
  },
} as const satisfies ErrorTable;
