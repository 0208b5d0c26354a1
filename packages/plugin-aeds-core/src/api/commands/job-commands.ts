import { apiPath, type CliCommand, type CliContext } from '@datawarehouse/sdk';
import { z } from 'zod';
import { answerOf, formatTime, textOption } from './command-values.js';

const summarySchema = z.looseObject({
  jobId: z.string(),
  name: z.string(),
  status: z.string(),
  totalTargets: z.number(),
  deliveredCount: z.number(),
  failedCount: z.number(),
  queuedAt: z.number(),
  completedAt: z.number().optional(),
  expiresAt: z.number().optional(),
  error: z.looseObject({ code: z.string(), message: z.string() }).optional(),
});
const jobsSchema = z.looseObject({ jobs: z.array(summarySchema) });
const targetSchema = z.looseObject({
  clientId: z.string(),
  name: z.string().optional(),
  state: z.string(),
  attempt: z.number(),
  bytes: z.number().optional(),
  code: z.string().optional(),
  message: z.string().optional(),
  updatedAt: z.number(),
});
const detailSchema = summarySchema.extend({
  counts: z.record(z.string(), z.number()),
  targetStates: z.array(targetSchema),
  nextTarget: z.string().optional(),
});
type Detail = z.output<typeof detailSchema>;

const idArgument = { name: 'id', summary: 'id of the job, see `dw jobs`' } as const;

/** `dw jobs` and what follows it. */
export const jobCommands: readonly CliCommand[] = [
  {
    name: 'jobs',
    summary: 'list what was published, the latest first',
    options: [
      { flags: '--limit <n>', summary: 'how many; default: 20', defaultValue: '20' },
      { flags: '--status <status>', summary: 'only those that are queued, failed, …' },
      { flags: '--channel <id>', summary: 'only those that were published to a channel' },
    ],
    run: list,
  },
  {
    name: 'jobs show',
    summary: 'show where each target of a job stands, and why',
    arguments: [idArgument],
    run: show,
  },
  {
    name: 'jobs cancel',
    summary: 'withdraw a job from clients that have not applied it',
    arguments: [idArgument],
    run: cancel,
  },
];

async function list(context: CliContext): Promise<void> {
  const { api, output, signal } = context;
  const query = {
    limit: textOption(context, 'limit'),
    status: textOption(context, 'status'),
    channel: textOption(context, 'channel'),
  };
  const response = await api.request('GET', '/aeds/v1/jobs', { query, signal });
  const answer = await answerOf(response, jobsSchema);
  output.result(answer, () => {
    if (answer.jobs.length === 0) output.line('no jobs; publish with: dw publish');
    else output.table(answer.jobs.map(rowOf));
  });
}

async function show(context: CliContext): Promise<void> {
  const { api, signal, arguments: given } = context;
  const path = apiPath('aeds', 'v1', 'jobs', given['id'] ?? '');
  let after: string | undefined;
  let detail: Detail | undefined;
  do {
    const query = { limit: 1000, ...(after !== undefined && { after }) };
    const page = await answerOf(await api.request('GET', path, { query, signal }), detailSchema);
    const earlier = detail?.targetStates ?? [];
    detail = { ...page, targetStates: [...earlier, ...page.targetStates] };
    after = page.nextTarget;
  } while (after !== undefined);
  showDetail(context, detail);
}

async function cancel(context: CliContext): Promise<void> {
  const { api, signal, arguments: given } = context;
  const path = apiPath('aeds', 'v1', 'jobs', given['id'] ?? '', 'cancel');
  const response = await api.request('POST', path, { query: { limit: 1000 }, signal });
  showDetail(context, await answerOf(response, detailSchema));
}

function showDetail({ output }: CliContext, detail: Detail): void {
  output.result({ ...detail, nextTarget: undefined }, () => {
    output.table([rowOf(detail)]);
    if (detail.error !== undefined) {
      output.line(`the job failed: ${detail.error.message} [${detail.error.code}]`);
    }
    if (detail.expiresAt !== undefined) output.line(`expires ${formatTime(detail.expiresAt)}`);
    if (detail.targetStates.length === 0) return;
    output.line('');
    output.table(
      detail.targetStates.map((target) => ({
        client: target.clientId,
        name: target.name ?? '',
        state: target.state,
        bytes: target.bytes ?? 0,
        attempt: target.attempt,
        reason: [target.code, target.message].filter((part) => part !== undefined).join(': '),
        since: formatTime(target.updatedAt),
      })),
    );
  });
}

function rowOf(
  job: z.output<typeof summarySchema>,
): Readonly<Record<string, string | number | undefined>> {
  return {
    job: job.jobId,
    file: job.name,
    status: job.status,
    delivered: `${job.deliveredCount} of ${job.totalTargets}`,
    failed: job.failedCount,
    published: formatTime(job.queuedAt),
    ended: formatTime(job.completedAt),
  };
}
