import { createRequire } from 'node:module';
import { join } from 'node:path';
import { type Contender, type ContenderSettings, DoneCount } from './contender.js';

/** Loads a peer from where npm has put it. */
function load({ folder }: ContenderSettings, name: string): unknown {
  return createRequire(join(folder, 'package.json'))(name);
}

interface BullModule {
  readonly Queue: new (
    name: string,
    options: object,
  ) => { add(name: string, data: object): Promise<unknown>; close(): Promise<void> };
  readonly Worker: new (
    name: string,
    handler: () => Promise<void>,
    options: object,
  ) => {
    on(event: 'completed', listener: () => void): unknown;
    waitUntilReady(): Promise<unknown>;
    close(isForced: boolean): Promise<void>;
  };
}

export async function openBull(settings: ContenderSettings): Promise<Contender> {
  const { Queue, Worker } = load(settings, 'bullmq') as BullModule;
  const connection = { host: '127.0.0.1', port: settings.port, maxRetriesPerRequest: null };
  const done = new DoneCount();
  // What it does fastest: completed jobs are not kept.
  const defaultJobOptions = { removeOnComplete: true };
  const queue = new Queue('work', { connection, defaultJobOptions });
  const concurrency = settings.inFlight;
  const worker = new Worker('work', async () => undefined, { connection, concurrency });
  worker.on('completed', () => {
    done.add();
  });
  await worker.waitUntilReady();
  return {
    enqueue: (index) => queue.add('work', { index }),
    completed: (count) => done.reached(count),
    close: async () => {
      await worker.close(true);
      await queue.close();
    },
  };
}

function postgresUrl({ port }: ContenderSettings): string {
  return `postgres://postgres@127.0.0.1:${port}/postgres`;
}

interface GraphileModule {
  readonly Logger: new (factory: () => () => void) => unknown;
  makeWorkerUtils(options: object): Promise<{
    migrate(): Promise<void>;
    addJob(name: string, data: object): Promise<unknown>;
    release(): Promise<void>;
  }>;
  run(options: object): Promise<{
    readonly events: { on(event: 'job:complete', listener: () => void): unknown };
    stop(): Promise<void>;
  }>;
}

export async function openGraphile(settings: ContenderSettings): Promise<Contender> {
  const { Logger, makeWorkerUtils, run } = load(settings, 'graphile-worker') as GraphileModule;
  const connectionString = postgresUrl(settings);
  const logger = new Logger(() => () => undefined);
  const maxPoolSize = settings.inFlight + 2;
  const utils = await makeWorkerUtils({ connectionString, logger, maxPoolSize });
  await utils.migrate();
  const done = new DoneCount();
  const runner = await run({
    ...{ connectionString, logger, maxPoolSize, concurrency: settings.inFlight },
    ...{ noHandleSignals: true, taskList: { work: async () => undefined } },
  });
  runner.events.on('job:complete', () => {
    done.add();
  });
  return {
    enqueue: (index) => utils.addJob('work', { index }),
    completed: (count) => done.reached(count),
    close: async () => {
      await runner.stop();
      await utils.release();
    },
  };
}

interface Boss {
  start(): Promise<unknown>;
  createQueue(name: string): Promise<void>;
  send(name: string, data: object): Promise<unknown>;
  fetch(name: string, options: object): Promise<readonly { readonly id: string }[]>;
  complete(name: string, id: string): Promise<void>;
  stop(options: object): Promise<void>;
}

export async function openBoss(settings: ContenderSettings): Promise<Contender> {
  const PgBoss = load(settings, 'pg-boss') as new (options: object) => Boss;
  const boss = new PgBoss({ connectionString: postgresUrl(settings), max: settings.inFlight + 2 });
  await boss.start();
  await boss.createQueue('work');
  const done = new DoneCount();
  let isClosed = false;
  // Its own workers look for jobs twice a second; these look all the time.
  const work = async (): Promise<void> => {
    while (!isClosed) {
      const jobs = await boss.fetch('work', { batchSize: 1 });
      for (const { id } of jobs) {
        await boss.complete('work', id);
        done.add();
      }
      if (jobs.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  const workers = Array.from({ length: settings.inFlight }, work);
  return {
    enqueue: (index) => boss.send('work', { index }),
    completed: (count) => done.reached(count),
    close: async () => {
      isClosed = true;
      await Promise.all(workers);
      await boss.stop({ graceful: false });
    },
  };
}
