import { apiPath, type CliCommand, type CliContext } from '@datawarehouse/sdk';
import { z } from 'zod';
import { answerOf, formatTime, textOption } from './command-values.js';

const attemptSchema = z.looseObject({
  number: z.number(),
  startedAt: z.number(),
  endedAt: z.number().optional(),
  error: z
    .looseObject({ code: z.string(), message: z.string(), stack: z.string().optional() })
    .optional(),
});
const workSchema = z.looseObject({
  jobId: z.string(),
  state: z.string(),
  starts: z.number(),
  maxAttempts: z.number(),
  notBefore: z.number().optional(),
  endedAt: z.number().optional(),
  attempts: z.array(attemptSchema),
});
const deadSchema = z.looseObject({ deadLetters: z.array(workSchema) });
const engineSchema = z.looseObject({ isHeld: z.boolean(), runningCount: z.number() });
type Work = z.output<typeof workSchema>;

const idArgument = { name: 'id', summary: 'id of the job, see `dw jobs`' } as const;

/** What `dw jobs` does with the work of jobs, apart from their targets. */
export const jobWorkCommands: readonly CliCommand[] = [
  {
    name: 'jobs attempts',
    summary: 'show every attempt to do the work of a job, with its error',
    arguments: [idArgument],
    run: (context) => workOn(context, 'GET', 'work'),
  },
  {
    name: 'jobs pause',
    summary: 'keep the work of a job from being done',
    arguments: [idArgument],
    run: (context) => workOn(context, 'POST', 'pause'),
  },
  {
    name: 'jobs resume',
    summary: 'let a paused job be worked on, or try a delayed one now',
    arguments: [idArgument],
    run: (context) => workOn(context, 'POST', 'resume'),
  },
  {
    name: 'jobs dead',
    summary: 'list jobs whose attempts have all failed',
    options: [{ flags: '--limit <n>', summary: 'how many; default: 20', defaultValue: '20' }],
    run: listDead,
  },
  {
    name: 'jobs retry',
    summary: 'send a dead letter again, with all its attempts',
    arguments: [idArgument],
    run: (context) => workOn(context, 'POST', 'retry'),
  },
  {
    name: 'jobs hold',
    summary: 'let no job begin, also after a restart',
    run: (context) => turn(context, 'hold'),
  },
  {
    name: 'jobs release',
    summary: 'let jobs begin again',
    run: (context) => turn(context, 'release'),
  },
];

async function workOn(context: CliContext, method: 'GET' | 'POST', verb: string): Promise<void> {
  const { api, output, signal, arguments: given } = context;
  const path = apiPath('aeds', 'v1', 'jobs', given['id'] ?? '', verb);
  const work = await answerOf(await api.request(method, path, { signal }), workSchema);
  output.result(work, () => {
    output.table([rowOf(work)]);
    if (work.attempts.length === 0) return;
    output.line('');
    output.table(
      work.attempts.map(({ number, startedAt, endedAt, error }) => ({
        attempt: number,
        from: formatTime(startedAt),
        to: formatTime(endedAt),
        error: error === undefined ? '' : `${error.code}: ${error.message}`,
      })),
    );
    const stack = work.attempts.at(-1)?.error?.stack;
    if (stack !== undefined) output.line(stack);
  });
}

async function listDead(context: CliContext): Promise<void> {
  const { api, output, signal } = context;
  const query = { limit: textOption(context, 'limit') };
  const response = await api.request('GET', '/aeds/v1/dead-letters', { query, signal });
  const answer = await answerOf(response, deadSchema);
  output.result(answer, () => {
    if (answer.deadLetters.length === 0) output.line('no dead letters');
    else output.table(answer.deadLetters.map(rowOf));
  });
}

async function turn(context: CliContext, verb: 'hold' | 'release'): Promise<void> {
  const { api, output, signal } = context;
  const response = await api.request('POST', `/aeds/v1/job-engine/${verb}`, { signal });
  const state = await answerOf(response, engineSchema);
  output.result(state, () => {
    const still = state.runningCount === 0 ? '' : `; ${state.runningCount} still run`;
    output.line(state.isHeld ? `no job begins${still}` : 'jobs begin again');
  });
}

function rowOf(work: Work): Readonly<Record<string, string | number | undefined>> {
  return {
    job: work.jobId,
    work: work.state,
    attempts: `${work.starts} of ${work.maxAttempts}`,
    next: formatTime(work.notBefore),
    ended: formatTime(work.endedAt),
    error: work.attempts.at(-1)?.error?.code ?? '',
  };
}
