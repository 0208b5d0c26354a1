import type { HttpRoute } from '@datawarehouse/sdk';
import { aedsError } from '../errors/aeds-errors.js';
import type { JobEngine } from '../jobs/job-engine.js';
import type { StoredJob } from '../jobs/stored-job.js';
import { pageSchema, parseRequest } from './parse-request.js';

const maxBodyBytes = 1024;

/** The work of a job as an operator sees it, every attempt with it. */
function workOf(job: StoredJob) {
  const { jobId, handler, state, score, queuedAt, starts, maxAttempts, attempts } = job;
  return {
    ...{ jobId, handler, state, score, queuedAt, starts, maxAttempts, attempts },
    ...(job.notBefore !== undefined && { notBefore: job.notBefore }),
    ...(job.endedAt !== undefined && { endedAt: job.endedAt }),
  };
}

/** What an operator does with the work of jobs, apart from its targets. */
export function jobRoutes(engine: JobEngine): readonly HttpRoute[] {
  const { desk } = engine;
  return [
    {
      method: 'GET',
      path: '/aeds/v1/jobs/:id/work',
      summary: 'Shows what was done for a job: its state, and each attempt with its error.',
      handle: async ({ params }) => {
        const jobId = params['id'] ?? '';
        const job = await engine.get(jobId);
        if (job === undefined) throw aedsError('DW_AEDS_JOB_UNKNOWN', { details: { jobId } });
        return { json: workOf(job) };
      },
    },
    ...(['pause', 'resume', 'retry'] as const).map(
      (verb): HttpRoute => ({
        method: 'POST',
        path: `/aeds/v1/jobs/:id/${verb}`,
        summary: summaries[verb],
        maxBodyBytes,
        handle: async ({ params }) => ({ json: workOf(await desk[verb](params['id'] ?? '')) }),
      }),
    ),
    {
      method: 'GET',
      path: '/aeds/v1/dead-letters',
      summary: 'Lists jobs whose attempts have all failed, those that died first first.',
      handle: async ({ query }) => {
        const jobs = await desk.deadLetters(parseRequest(pageSchema, query));
        return { json: { deadLetters: jobs.map(workOf) } };
      },
    },
    ...(['hold', 'release'] as const).map(
      (verb): HttpRoute => ({
        method: 'POST',
        path: `/aeds/v1/job-engine/${verb}`,
        summary: summaries[verb],
        maxBodyBytes,
        handle: async () => {
          await engine[verb]();
          return { json: engine.statistics() };
        },
      }),
    ),
  ];
}

const summaries = {
  pause: 'Keeps the work of a job from being done, until it is resumed.',
  resume: 'Lets a paused job be worked on; one that waits for its next attempt is tried now.',
  retry: 'Sends a dead letter again, with all its attempts.',
  hold: 'Lets no job begin, also after a restart, until they are released.',
  release: 'Lets jobs begin again.',
} as const;
