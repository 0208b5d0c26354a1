// A process that enqueues and runs jobs until it is killed. Each step is in the report file before the
// next one: `q JOB` for what was acknowledged, `s JOB` where a handler begins, `f JOB` where it fails,
// `x JOB` where a job came out of its order.
import { openSync, writeSync } from 'node:fs';
import { ClassicLevelBackingStore } from '@datawarehouse/host';
import {
  BackpressureGate,
  ConcurrencyLimit,
  DwError,
  delay,
  silentLogger,
  systemClock,
} from '@datawarehouse/sdk';
import { type BuiltJob, loadJobEngine } from '../support/built-jobs.js';
import {
  type JobsSettings,
  linePath,
  maxRunning,
  placeOf,
  readCount,
  resultPath,
} from './jobs-workload.js';

const settings = JSON.parse(process.argv[2] ?? '{}') as JobsSettings;
const { directory, life, callers, partitionCount, isDraining } = settings;
const file = openSync(settings.reportFile, 'a');
const report = (kind: string, { jobId }: { readonly jobId: string }): void => {
  writeSync(file, `${kind} ${jobId}\n`);
};

const store = await ClassicLevelBackingStore.open({ directory });
const gate = new BackpressureGate({ subsystemName: 'crash', maxQueueDepth: 2_000 });
const JobEngine = await loadJobEngine();
const engine = await JobEngine.open({
  ...{ store, gate, partitionCount, clock: systemClock, logger: silentLogger },
  concurrency: new ConcurrencyLimit(maxRunning),
  // Every kill may cost an attempt, and no job may be given up.
  ...{ maxAttempts: 1_000, retry: { firstMs: 5, maxMs: 20 } },
});

/** The operation that notes a job as the last of its key. */
async function inOrder(key: string, job: BuiltJob) {
  const path = linePath(key);
  const place = placeOf(job.data);
  if (place <= (await readCount(store, path))) report('x', job);
  return { type: 'write', path, data: Buffer.from(String(place)) } as const;
}

engine.register('count', {
  run: async (job, { commit }) => {
    report('s', job);
    if (job.starts === 1 && placeOf(job.data) % 7 === 3) {
      report('f', job);
      throw new Error('an attempt that fails');
    }
    await delay(Math.random() * 3);
    const path = resultPath(job.jobId);
    const runs = (await readCount(store, path)) + 1;
    await commit([
      { type: 'write', path, data: Buffer.from(String(runs)) },
      ...(job.key === undefined ? [] : [await inOrder(job.key, job)]),
    ]);
  },
});

async function call(caller: number): Promise<never> {
  const line = caller % 4 === 0 ? { key: `caller ${caller}` } : {};
  for (let index = 1; ; ) {
    const score = (index * 31 + caller) % 151;
    try {
      report('q', await engine.enqueue({ handler: 'count', data: [life, index], score, ...line }));
      index += 1;
    } catch (error) {
      if (!DwError.is(error, 'DW_SCALING_OVERLOADED')) throw error;
      await delay(5);
    }
  }
}

engine.start();
process.stdout.write('ready\n');
if (isDraining) {
  for (let quiet = 0; quiet < 5; quiet += 1) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    if (gate.queueDepth > 0) quiet = 0;
  }
  await engine.stop(AbortSignal.abort());
  await store.close();
} else {
  await Promise.all(Array.from({ length: callers }, (_, caller) => call(caller)));
}
