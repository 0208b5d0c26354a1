// One contender in a process of its own: works jobs off, and prints what it took.
import { type Contender, type ContenderSettings, inFlight } from './contender.js';
import { openOwn } from './own-contender.js';
import { openBoss, openBull, openGraphile } from './peer-contenders.js';
import { processorMs } from './processor-time.js';

const settings = JSON.parse(process.argv[2] ?? '{}') as ContenderSettings;
const openers: Readonly<
  Record<ContenderSettings['kind'], (settings: ContenderSettings) => Promise<Contender>>
> = { ours: openOwn, bullmq: openBull, graphile: openGraphile, pgboss: openBoss };

const contender = await openers[settings.kind](settings);

async function round(jobCount: number): Promise<void> {
  const completed = contender.completed(jobCount);
  await inFlight(jobCount, settings.inFlight, (index) => contender.enqueue(index));
  await completed;
}

async function spentMs(): Promise<number> {
  const { user, system } = process.cpuUsage();
  const server = settings.serverPid === undefined ? 0 : await processorMs(settings.serverPid);
  return (user + system) / 1_000 + server;
}

// Code that has not run yet is slow in every contender.
await round(Math.ceil(settings.jobCount / 10));
const before = { cpuMs: await spentMs(), atMs: performance.now() };
await round(settings.jobCount);
const elapsedMs = performance.now() - before.atMs;
console.log(JSON.stringify({ elapsedMs, cpuMs: (await spentMs()) - before.cpuMs }));
await contender.close();
process.exit(0);
