import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { apiPath } from '@datawarehouse/sdk';
import { z } from 'zod';
import { type Agent, Operator } from './fleet.js';
import { parseAnswer } from './parse-answer.js';
import type { QuickstartNode } from './quickstart-node.js';
import type { QuickstartRun } from './quickstart-run.js';
import { type Tarball, writeTarball } from './tarball.js';
import { waitUntil } from './wait-until.js';

/** What the delivery came to. */
export interface DeliveryOutcome {
  readonly sizeBytes: number;
  /** SHA-256 of what was published. */
  readonly sha256: string;
  readonly jobId: string;
  readonly jobStatus: string;
  readonly deliveredInMs: number;
  readonly agents: readonly Received[];
}

/** What one agent received. */
export interface Received {
  readonly agent: string;
  readonly clientId: string;
  /** State of the target, as the node's ledger has it. */
  readonly state: string;
  /** Absent where nothing is in its place. */
  readonly file?: string;
  readonly sha256?: string;
}

const channel = 'stable';
const deliveryTimeoutMs = 90_000;
const publicationSchema = z.looseObject({ jobId: z.string() });
const jobSchema = z.looseObject({
  status: z.string(),
  totalTargets: z.number(),
  deliveredCount: z.number(),
  targetStates: z.array(z.looseObject({ clientId: z.string(), state: z.string() })),
});

type Job = z.output<typeof jobSchema>;

/** Publishes a tarball of the folder to two agents, and looks at what they have on their disks. */
export async function deliver(run: QuickstartRun, node: QuickstartNode): Promise<DeliveryOutcome> {
  const operator = new Operator(run, node);
  const file = join(run.folder, `${basename(run.source.folder)}.tar`);
  const tarball = await writeTarball(run.source, file, run);
  await operator.dw('channels', 'create', channel);
  const agents = await Promise.all([
    operator.enrol('agent-1', channel),
    operator.enrol('agent-2', channel),
  ]);
  const startedMs = performance.now();
  const published = await operator.dw('publish', '--channel', channel, '--file', file);
  const { jobId } = parseAnswer(publicationSchema, published);
  const job = await waitForJob(run, node, jobId);
  const deliveredInMs = performance.now() - startedMs;
  const received: Received[] = [];
  for (const agent of agents) received.push(await inspect(agent, job, tarball));
  recordChecks(run, job, received, tarball);
  const { sizeBytes, sha256 } = tarball;
  return { sizeBytes, sha256, jobId, jobStatus: job.status, deliveredInMs, agents: received };
}

async function waitForJob(run: QuickstartRun, node: QuickstartNode, jobId: string): Promise<Job> {
  return waitUntil(
    async () => {
      const response = await node.api.request('GET', apiPath('aeds', 'v1', 'jobs', jobId));
      const job = parseAnswer(jobSchema, await response.json());
      return job.status === 'queued' || job.status === 'inProgress' ? undefined : job;
    },
    { what: `job ${jobId} to end`, timeoutMs: deliveryTimeoutMs, signal: run.signal },
  );
}

function recordChecks(
  run: QuickstartRun,
  job: Job,
  received: readonly Received[],
  tarball: Tarball,
): void {
  const undelivered = received.filter(({ state }) => state !== 'applied');
  const wrong = received.filter(({ sha256 }) => sha256 !== tarball.sha256);
  const isComplete = job.status === 'completed' && job.deliveredCount === received.length;
  run.checks.record('deliveredToEveryAgent', [
    ...undelivered.map(({ agent, state }) => `${agent} is ${state}`),
    ...(isComplete ? [] : [`the job is ${job.status} with ${job.deliveredCount} deliveries`]),
  ]);
  run.checks.record(
    'deliveredBytesEqual',
    wrong.map(({ agent, sha256 }) => `${agent} has ${sha256 ?? 'no file'}`),
  );
}

/** Looks at the place where an agent puts what has passed every check. */
async function inspect(agent: Agent, job: Job, tarball: Tarball): Promise<Received> {
  const target = job.targetStates.find(({ clientId }) => clientId === agent.clientId);
  const state = target?.state ?? 'no target';
  const common = { agent: agent.name, clientId: agent.clientId, state };
  const file = join(agent.folder, 'files', channel, basename(tarball.path));
  if (!existsSync(file)) return common;
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) hash.update(chunk);
  return { ...common, file, sha256: hash.digest('hex') };
}
