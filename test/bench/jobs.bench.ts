import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { audience } from './jobs/audience.js';
import type { ContenderResult, ContenderSettings } from './jobs/contender.js';
import {
  type BenchServer,
  counting,
  findProgram,
  type Refusal,
  startPostgres,
  startRedis,
  syncsIn,
} from './jobs/servers.js';
import {
  type BenchContext,
  type BenchRow,
  boundedRow,
  comparedRow,
  runBenchmark,
} from './support/benchmark.js';
import { interleave, median } from './support/contenders.js';

const execute = promisify(execFile);
const width = 32;
const countedJobs = 200;
const queuedJobs = 100_000;
const peerPackages = [
  'bullmq@6.7.0',
  'graphile-worker@0.16.6',
  'pg-boss@10.4.2',
  'pg@8.23.1',
  'ioredis@5.8.2',
];

type Kind = ContenderSettings['kind'];
const names: Readonly<Record<Kind, string>> = {
  ours: 'AEDS jobs',
  bullmq: 'peer: BullMQ 6.7, Redis with appendfsync always',
  graphile: 'peer: graphile-worker 0.16, PostgreSQL',
  pgboss: 'peer: pg-boss 10, PostgreSQL',
};
/** So many that a run takes seconds. */
const jobCounts: Readonly<Record<Kind, number>> = {
  ours: 20_000,
  bullmq: 8_000,
  graphile: 4_000,
  pgboss: 1_500,
};
const barsToPeers: readonly (readonly [Kind, number])[] = [
  ['bullmq', 2],
  ['graphile', 4],
  ['pgboss', 4],
];

const main = (name: string): string => join(import.meta.dirname, 'jobs', name);

async function run(
  settings: ContenderSettings,
  prefix: readonly string[] = [],
): Promise<ContenderResult> {
  const command = [
    ...prefix,
    process.execPath,
    main('contender.main.js'),
    JSON.stringify(settings),
  ];
  const [program = '', ...rest] = command;
  const { stdout } = await execute(program, rest, { timeout: 300_000 });
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as ContenderResult;
}

/** What a contender needs beside itself. */
class Surroundings {
  readonly folder: string;
  readonly #servers = new Map<Kind, BenchServer | Refusal>();

  constructor(folder: string) {
    this.folder = folder;
  }

  async start(): Promise<void> {
    const redis = await startRedis(join(this.folder, 'redis'));
    const postgres = await startPostgres(join(this.folder, 'postgres'));
    this.#servers.set('bullmq', redis).set('graphile', postgres).set('pgboss', postgres);
    const peers = join(this.folder, 'peers');
    await mkdir(peers);
    await writeFile(join(peers, 'package.json'), '{"private":true}');
    const options = ['--no-audit', '--no-fund', '--ignore-scripts', '--no-save'];
    await execute('npm', ['install', ...options, ...peerPackages], { cwd: peers });
  }

  /** Why a contender cannot take part. */
  refusal(kind: Kind): string | undefined {
    const server = this.#servers.get(kind);
    return server !== undefined && 'note' in server ? server.note : undefined;
  }

  settings(kind: Kind, round: number): ContenderSettings {
    const server = this.#servers.get(kind);
    const isServer = server !== undefined && 'pid' in server;
    const folder = join(this.folder, kind === 'ours' ? `ours-${round}` : 'peers');
    const jobCount = jobCounts[kind];
    const [port, serverPid] = isServer ? [server.port, server.pid] : [0, undefined];
    return { kind, folder, jobCount, inFlight: width, port, serverPid };
  }

  async stop(): Promise<void> {
    for (const server of new Set(this.#servers.values())) if ('stop' in server) await server.stop();
  }
}

async function speed(surroundings: Surroundings, { runs }: BenchContext): Promise<BenchRow[]> {
  const kinds = (Object.keys(names) as Kind[]).filter((kind) => !surroundings.refusal(kind));
  const cpuMs = new Map<Kind, number[]>(kinds.map((kind) => [kind, []]));
  let round = 0;
  const contenders = kinds.map((kind) => [
    kind,
    async () => {
      const settings = surroundings.settings(kind, round++);
      const result = await run(settings);
      cpuMs.get(kind)?.push(result.cpuMs / settings.jobCount);
      return (settings.jobCount / result.elapsedMs) * 1_000;
    },
  ]);
  // Each is a process of its own, which warms up by itself.
  const rates = await interleave(
    Object.fromEntries(contenders) as Record<Kind, () => Promise<number>>,
    { runs, warmUps: 0 },
  );
  const cpuOf = (kind: Kind): number => median(cpuMs.get(kind) ?? []) * 1_000;
  const [unit, cpuUnit] = ['jobs/s', 'µs/job'];
  const rows = barsToPeers.flatMap(([kind, bar]): BenchRow[] => {
    const note = surroundings.refusal(kind);
    if (note !== undefined) return [{ name: names[kind], value: undefined, unit, note }];
    const against = names[kind].replace('peer: ', 'against ');
    const ratio = cpuOf('ours') / cpuOf(kind);
    return [
      comparedRow({ name: `${names.ours}, ${against}`, value: rates.ours, unit }, rates[kind], bar),
      { name: names[kind], value: rates[kind], unit },
      {
        ...{ name: 'processor time, at most a third', value: cpuOf('ours'), unit: cpuUnit, ratio },
        ...{ bar: 1 / 3, reached: ratio <= 1 / 3 },
      },
      { name: `${names[kind]}: processor time`, value: cpuOf(kind), unit: cpuUnit },
    ];
  });
  return rows;
}

/** Syncs for each acknowledged job, counted by the kernel, where one is enqueued after the other. */
async function durability(surroundings: Surroundings): Promise<BenchRow[]> {
  const unit = 'syncs/job';
  const nameOf = (kind: Kind): string => `${names[kind]}: one at a time, counted`;
  const kinds = Object.keys(names) as Kind[];
  if ((await findProgram('strace')) === undefined) {
    const note = 'strace is not installed';
    return kinds.map((kind) => ({ name: nameOf(kind), value: undefined, unit, note }));
  }
  const rows: BenchRow[] = [];
  for (const kind of kinds) {
    const note = surroundings.refusal(kind);
    if (note !== undefined) {
      rows.push({ name: nameOf(kind), value: undefined, unit, note });
      continue;
    }
    const value = await countedSyncs(surroundings, kind, 1);
    rows.push({ name: nameOf(kind), value, unit, bar: 1, reached: value >= 1 });
  }
  const value = await countedSyncs(surroundings, 'ours', width);
  rows.push({ name: `${names.ours}: ${width} in flight, counted`, value, unit });
  return rows;
}

async function countedSyncs(
  surroundings: Surroundings,
  kind: Kind,
  inFlight: number,
): Promise<number> {
  const folder = join(surroundings.folder, `counted-${kind}-${inFlight}`);
  await mkdir(folder);
  const file = join(folder, 'syncs');
  // Whoever the server runs as has to write there.
  await writeFile(file, '');
  await chmod(file, 0o666);
  const jobCount = countedJobs * inFlight;
  const settings = { ...surroundings.settings(kind, 0), jobCount, inFlight };
  if (kind === 'ours') {
    await run({ ...settings, folder }, counting(file));
  } else {
    const start = kind === 'bullmq' ? startRedis : startPostgres;
    const server = await start(join(folder, 'server'), counting(file));
    if ('note' in server) throw new Error(server.note);
    await run({ ...settings, port: server.port, serverPid: server.pid });
    await server.stop();
  }
  // The rounds that warm up count too.
  return (await syncsIn(file)) / (jobCount * 1.1);
}

async function recovery(folder: string): Promise<BenchRow[]> {
  const directory = join(folder, 'recovery');
  const command = (mode: string) =>
    execute(process.execPath, [main('recovery.main.js'), mode, directory, String(queuedJobs)]);
  await command('fill').catch((error: unknown) => {
    if ((error as { signal?: string }).signal !== 'SIGKILL') throw error;
  });
  const { stdout } = await command('open');
  const { firstMs, rssBytes } = JSON.parse(stdout) as { firstMs: number; rssBytes: number };
  const name = 'after kill -9 with 100,000 queued';
  return [
    boundedRow({ name: `${name}: first job runs`, value: firstMs, unit: 'ms' }, 1_000),
    { name: `${name}: RSS then`, value: rssBytes / 1024 ** 2, unit: 'MiB' },
  ];
}

await runBenchmark({
  name: 'jobs',
  measure: async (context) => {
    const folder = await mkdtemp(join(tmpdir(), 'dw-bench-jobs-'));
    await chmod(folder, 0o755);
    const surroundings = new Surroundings(folder);
    try {
      await surroundings.start();
      return [
        ...(await speed(surroundings, context)),
        ...(await durability(surroundings)),
        ...(await recovery(folder)),
        ...(await audience(context.runs)),
      ];
    } finally {
      await surroundings.stop();
      await rm(folder, { recursive: true, force: true });
    }
  },
});
