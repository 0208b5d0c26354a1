import { BackpressureGate, ConcurrencyLimit, silentLogger, storePath } from '@datawarehouse/sdk';
import { FaultyBackingStore, ManualClock, MemoryBackingStore } from '@datawarehouse/sdk/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { JobEngine } from './job-engine.js';
import type { JobEngineOptions } from './job-engine-options.js';
import type { JobContext, JobHandler } from './job-handler.js';
import type { StoredJob } from './stored-job.js';

type Run = JobHandler['run'];

describe('JobEngine', () => {
  let store: FaultyBackingStore;
  let clock: ManualClock;
  let gate: BackpressureGate;
  let concurrency: ConcurrencyLimit;
  let engines: JobEngine[];

  beforeEach(() => {
    store = new FaultyBackingStore(new MemoryBackingStore());
    clock = new ManualClock();
    engines = [];
    concurrency = new ConcurrencyLimit(64);
  });

  afterEach(async () => {
    for (const engine of engines) await engine.stop(AbortSignal.abort());
  });

  const open = async (
    run: Run | JobHandler,
    options: Partial<JobEngineOptions> = {},
  ): Promise<JobEngine> => {
    gate = new BackpressureGate({ subsystemName: 'aeds', maxQueueDepth: 10_000, clock });
    const engine = await JobEngine.open({
      ...{ store, gate, concurrency, clock, logger: silentLogger },
      ...{ partitionCount: 2, retry: { firstMs: 1_000, maxMs: 60_000 }, random: () => 1 },
      ...options,
    });
    engine.register('work', typeof run === 'function' ? { run } : run);
    engines.push(engine);
    return engine;
  };
  const nothing: Run = async () => undefined;
  const hanging: Run = () => new Promise(() => undefined);

  /** Runs until its context says to end. */
  const untilAborted: Run = (_, { signal }) =>
    new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    });

  /** A handler whose runs are ended one by one from outside. */
  const gated = () => {
    const started: StoredJob[] = [];
    const finish: (() => void)[] = [];
    const run: Run = (job) => {
      started.push(job);
      return new Promise((resolve) => finish.push(() => resolve(undefined)));
    };
    return { run, started, finish };
  };

  it('runs the most urgent first, and equals in order', async () => {
    const done: number[] = [];
    const engine = await open(async ({ score }) => void done.push(score), { partitionCount: 1 });
    concurrency.reconfigure(1);
    const jobs = [];
    for (const score of [10, 90, 50, 70, 90]) {
      jobs.push(await engine.enqueue({ handler: 'work', score }));
    }
    engine.start();
    await Promise.all(jobs.map(({ jobId }) => engine.ended(jobId)));
    expect(done).toEqual([90, 90, 70, 50, 10]);
  });

  it('gives its result to whoever waits, before and after the end', async () => {
    const engine = await open(async ({ data }) => ({ doubled: Number(data) * 2 }));
    engine.start();
    const { jobId } = await engine.enqueue({ handler: 'work', data: 21 });
    const expected = { state: 'completed', result: { doubled: 42 } };
    expect(await engine.ended(jobId)).toMatchObject(expected);
    expect(await engine.ended(jobId)).toMatchObject(expected);
    await expect(engine.ended('another')).rejects.toMatchObject({ code: 'DW_AEDS_JOB_UNKNOWN' });
  });

  it('keeps the order of a key, whatever the scores, and runs other keys meanwhile', async () => {
    const { run, started, finish } = gated();
    const engine = await open(run);
    engine.start();
    for (const [key, score] of [
      ['a', 10],
      ['a', 90],
      ['b', 50],
      ['a', 150],
    ] as const) {
      await engine.enqueue({ handler: 'work', key, score });
    }
    const keysAndScores = () => started.map(({ key, score }) => [key, score]);
    await vi.waitFor(() => expect(started).toHaveLength(2));
    expect(keysAndScores()).toEqual([
      ['a', 10],
      ['b', 50],
    ]);
    finish[0]?.();
    await vi.waitFor(() => expect(started).toHaveLength(3));
    finish[2]?.();
    await vi.waitFor(() => expect(started).toHaveLength(4));
    expect(keysAndScores().slice(2)).toEqual([
      ['a', 90],
      ['a', 150],
    ]);
  });

  it('runs several keys of one partition at a time, up to its share of the limit', async () => {
    const { run, started } = gated();
    concurrency.reconfigure(6);
    const engine = await open(run, { partitionCount: 1 });
    engine.start();
    for (let index = 0; index < 10; index += 1) await engine.enqueue({ handler: 'work' });
    await vi.waitFor(() => expect(started).toHaveLength(6));
    expect(engine.statistics()).toMatchObject({ runningCount: 6, partitionDepths: [4] });
  });

  it('changes the number of partitions while it works, without losing a job or an order', async () => {
    const done = new Map<string, number[]>();
    const engine = await open(async ({ key = '', data }) => {
      done.set(key, [...(done.get(key) ?? []), Number(data)]);
    });
    engine.start();
    const ids: string[] = [];
    for (let index = 0; index < 300; index += 1) {
      const key = `key${index % 20}`;
      ids.push((await engine.enqueue({ handler: 'work', key, data: index })).jobId);
      if (index % 50 === 0) engine.setPartitionCount(1 + (index % 7));
    }
    await Promise.all(ids.map((jobId) => engine.ended(jobId)));
    expect([...done.values()].flat()).toHaveLength(300);
    for (const order of done.values()) expect(order).toEqual([...order].sort((a, b) => a - b));
  });

  it('tries again after growing times, and puts what never succeeds with the dead letters', async () => {
    const run = vi.fn<Run>(() => Promise.reject(new Error('broken')));
    const onDead = vi.fn<NonNullable<JobHandler['onDead']>>(async () => undefined);
    const engine = await open({ run, onDead }, { maxAttempts: 3 });
    engine.start();
    const { jobId } = await engine.enqueue({ handler: 'work' });
    await vi.waitFor(async () => {
      expect(await engine.get(jobId)).toMatchObject({
        state: 'delayed',
        notBefore: clock.now() + 1_000,
      });
    });
    await clock.elapse(1_000);
    await vi.waitFor(async () => {
      expect(await engine.get(jobId)).toMatchObject({
        state: 'delayed',
        notBefore: clock.now() + 2_000,
      });
    });
    await clock.elapse(2_000);
    const dead = await engine.ended(jobId);
    expect(run).toHaveBeenCalledTimes(3);
    expect(onDead).toHaveBeenCalledOnce();
    expect(dead.state).toBe('dead');
    expect(dead.attempts.map(({ number, error }) => [number, error?.code, error?.message])).toEqual(
      [1, 2, 3].map((number) => [number, 'DW_AEDS_JOB_FAILED', 'broken']),
    );
    expect(dead.attempts[0]?.error?.stack).toContain('job-engine.spec');
    expect(await engine.desk.deadLetters({ limit: 10 })).toMatchObject([{ jobId }]);
    expect(gate.queueDepth).toBe(0);
  });

  it('sends a dead letter again with all its attempts', async () => {
    let isBroken = true;
    const onRevive = vi.fn(async () => undefined);
    const engine = await open(
      { run: async () => (isBroken ? Promise.reject(new Error('broken')) : 'done'), onRevive },
      { maxAttempts: 1 },
    );
    engine.start();
    const { jobId } = await engine.enqueue({ handler: 'work', key: 'a' });
    await engine.ended(jobId);
    isBroken = false;
    await engine.desk.retry(jobId);
    expect(await engine.ended(jobId)).toMatchObject({ state: 'completed', result: 'done' });
    expect(onRevive).toHaveBeenCalledOnce();
    expect(await engine.desk.deadLetters({ limit: 10 })).toEqual([]);
    await expect(engine.desk.retry(jobId)).rejects.toMatchObject({ code: 'DW_AEDS_JOB_NOT_DEAD' });
  });

  it('does not try again what no attempt can help, a missing handler among it', async () => {
    const run = vi.fn<Run>(() => Promise.reject(new Error('never')));
    const engine = await open({ run, isRetryable: () => false });
    engine.start();
    const broken = await engine.enqueue({ handler: 'work' });
    const missing = await engine.enqueue({ handler: 'toString' });
    expect(await engine.ended(broken.jobId)).toMatchObject({ state: 'dead' });
    expect((await engine.ended(missing.jobId)).attempts.at(-1)?.error).toMatchObject({
      code: 'DW_AEDS_JOB_NO_HANDLER',
    });
    expect(run).toHaveBeenCalledOnce();
  });

  it('leaves behind an attempt that hangs, and tells it', async () => {
    const signals: AbortSignal[] = [];
    const engine = await open(
      (_, { signal }) => {
        signals.push(signal);
        return new Promise(() => undefined);
      },
      { maxAttempts: 1 },
    );
    engine.start();
    const { jobId } = await engine.enqueue({ handler: 'work', timeLimitMs: 500 });
    await vi.waitFor(() => expect(signals).toHaveLength(1));
    await clock.elapse(500);
    const dead = await engine.ended(jobId);
    expect(dead.attempts.at(-1)?.error?.code).toBe('DW_AEDS_JOB_TIMEOUT');
    expect(signals[0]?.aborted).toBe(true);
  });

  it('lets cancelling win over what a handler does afterwards', async () => {
    const path = storePath('spec', 'done');
    const contexts: JobContext[] = [];
    let finish: () => void = () => undefined;
    const engine = await open((_, context) => {
      contexts.push(context);
      return new Promise((resolve) => (finish = () => resolve('done')));
    });
    engine.start();
    const { jobId } = await engine.enqueue({ handler: 'work' });
    await vi.waitFor(() => expect(contexts).toHaveLength(1));
    await engine.desk.cancel(jobId);
    await expect(
      contexts[0]?.commit([{ type: 'write', path, data: new Uint8Array(1) }]),
    ).rejects.toMatchObject({ code: 'DW_AEDS_JOB_CANCELLED' });
    finish();
    expect(await engine.ended(jobId)).toMatchObject({ state: 'cancelled' });
    expect(await store.exists(path)).toBe(false);
    expect(contexts[0]?.signal.aborted).toBe(true);
    await expect(engine.desk.cancel(jobId)).rejects.toMatchObject({ code: 'DW_AEDS_JOB_FINISHED' });
  });

  it('cancels what waits, be it first of its key or behind others', async () => {
    const { run, started, finish } = gated();
    const engine = await open(run);
    const jobs: string[] = [];
    for (const data of [0, 1, 2, 3]) {
      jobs.push((await engine.enqueue({ handler: 'work', key: 'a', data })).jobId);
    }
    await engine.desk.cancel(jobs[0] ?? '');
    await engine.desk.cancel(jobs[2] ?? '');
    engine.start();
    await vi.waitFor(() => expect(started).toHaveLength(1));
    finish[0]?.();
    await vi.waitFor(() => expect(started).toHaveLength(2));
    finish[1]?.();
    await engine.ended(jobs[3] ?? '');
    expect(started.map(({ data }) => data)).toEqual([1, 3]);
    expect(engine.statistics().partitionDepths).toEqual([0, 0]);
    expect(gate.queueDepth).toBe(0);
  });

  it('pauses a job and resumes it, also one that runs, without counting the attempt', async () => {
    const signals: AbortSignal[] = [];
    const engine = await open((job, context) => {
      signals.push(context.signal);
      return signals.length === 1 ? untilAborted(job, context) : Promise.resolve('done');
    });
    engine.start();
    const { jobId } = await engine.enqueue({ handler: 'work' });
    await vi.waitFor(() => expect(signals).toHaveLength(1));
    await engine.desk.pause(jobId);
    expect(signals[0]?.aborted).toBe(true);
    expect(await engine.get(jobId)).toMatchObject({ state: 'paused', starts: 0, attempts: [] });
    await engine.desk.resume(jobId);
    expect(await engine.ended(jobId)).toMatchObject({ state: 'completed', starts: 1 });
  });

  it('starts nothing while it is held, also after a restart', async () => {
    const run = vi.fn<Run>(nothing);
    const before = await open(run);
    before.start();
    await before.hold();
    const { jobId } = await before.enqueue({ handler: 'work' });
    await before.stop(AbortSignal.abort());
    const engine = await open(run);
    engine.start();
    expect(engine.statistics()).toMatchObject({ isHeld: true });
    expect(run).not.toHaveBeenCalled();
    await engine.release();
    await engine.ended(jobId);
    expect(run).toHaveBeenCalledOnce();
  });

  it('writes results and completion in one batch, once', async () => {
    const path = storePath('spec', 'done');
    const engine = await open(async (_, context) => {
      await context.commit([{ type: 'write', path, data: Uint8Array.of(7) }], 'kept');
      throw new Error('does not count');
    });
    engine.start();
    const { jobId } = await engine.enqueue({ handler: 'work' });
    expect(await engine.ended(jobId)).toMatchObject({ state: 'completed', result: 'kept' });
    const batch = store.batches.find((one) => one.some((operation) => operation.path === path));
    expect(batch?.map((operation) => operation.path)).toContain(
      storePath('aeds', 'work', 'jobs', jobId),
    );
  });

  it('makes one job of an idempotency key, also after a restart, for as long as it is kept', async () => {
    const request = { handler: 'work', idempotencyKey: 'order 7' };
    const before = await open(nothing);
    const [first, second] = await Promise.all([before.enqueue(request), before.enqueue(request)]);
    expect([first.isNew, second.isNew, second.jobId]).toEqual([true, false, first.jobId]);
    await before.stop(AbortSignal.abort());
    const engine = await open(nothing);
    engine.start();
    expect(await engine.enqueue(request)).toEqual({ jobId: first.jobId, isNew: false });
    await engine.ended(first.jobId);
    await clock.elapse(25 * 3_600_000);
    await vi.waitFor(async () => {
      expect((await engine.enqueue(request)).isNew).toBe(true);
    });
    expect(await engine.get(first.jobId)).toBeUndefined();
  });

  it('runs again at once what a killed process was running, and counts its attempt', async () => {
    const { run, started } = gated();
    const killed = await open(run, { partitionCount: 1 });
    killed.start();
    const running = await killed.enqueue({ handler: 'work', key: 'a', score: 1 });
    const behind = await killed.enqueue({ handler: 'work', key: 'a', score: 150 });
    await vi.waitFor(() => expect(started).toHaveLength(1));
    // Nothing of it is stopped: it is as if its process had been killed.
    const order: string[] = [];
    concurrency = new ConcurrencyLimit(1);
    const engine = await open(async ({ jobId }) => void order.push(jobId), { partitionCount: 1 });
    await engine.enqueue({ handler: 'work', score: 150 });
    engine.start();
    expect(await engine.ended(running.jobId)).toMatchObject({
      starts: 2,
      attempts: [{ error: { code: 'DW_AEDS_JOB_INTERRUPTED' } }, { number: 2 }],
    });
    await engine.ended(behind.jobId);
    expect(order[0]).toBe(running.jobId);
    expect(order.at(-1)).toBe(behind.jobId);
    engines = [engine];
  });

  it('gives up a job that ends its process again and again', async () => {
    const started = vi.fn();
    const die: Run = (job, context) => {
      started();
      return hanging(job, context);
    };
    let jobId = '';
    for (let life = 0; life < 3; life += 1) {
      const engine = await open(die, { maxAttempts: 3 });
      if (life === 0) jobId = (await engine.enqueue({ handler: 'work' })).jobId;
      engine.start();
      await vi.waitFor(() => expect(started).toHaveBeenCalledTimes(life + 1));
    }
    const engine = await open(die, { maxAttempts: 3 });
    engine.start();
    const dead = await engine.ended(jobId);
    expect(dead).toMatchObject({ state: 'dead', starts: 3 });
    expect(started).toHaveBeenCalledTimes(3);
    engines = [engine];
  });

  it('finds everything again after a restart: queued, delayed, paused, behind others', async () => {
    const before = await open(nothing);
    const ids: string[] = [];
    for (let index = 0; index < 20; index += 1) {
      const key = index % 2 === 0 ? { key: 'a' } : {};
      ids.push((await before.enqueue({ handler: 'work', ...key })).jobId);
    }
    ids.push((await before.enqueue({ handler: 'work', delayMs: 1_000 })).jobId);
    const paused = (await before.enqueue({ handler: 'work' })).jobId;
    await before.desk.pause(paused);
    await before.stop(AbortSignal.abort());
    const engine = await open(nothing);
    await vi.waitFor(() => expect(gate.queueDepth).toBe(22));
    engine.start();
    await vi.waitFor(() => expect(engine.statistics().completedCount).toBe(20));
    await clock.elapse(1_000);
    await engine.desk.resume(paused);
    await Promise.all([...ids, paused].map((jobId) => engine.ended(jobId)));
    expect(gate.queueDepth).toBe(0);
  });

  it('pages through more jobs than it holds in memory, in order', async () => {
    const before = await open(nothing);
    const scores: number[] = [];
    for (let index = 0; index < 2_500; index += 1) {
      const score = (index * 37) % 151;
      scores.push(score);
      await before.enqueue({ handler: 'work', score });
    }
    await before.stop(AbortSignal.abort());
    const done: number[] = [];
    concurrency.reconfigure(1);
    const engine = await open(async ({ score }) => void done.push(score), { partitionCount: 1 });
    engine.start();
    await vi.waitFor(() => expect(engine.statistics().completedCount).toBe(2_500), 30_000);
    expect(done).toEqual(scores.sort((a, b) => b - a));
    expect(engine.statistics().partitionDepths).toEqual([0]);
  });

  it('changes the number of partitions while pages are on their way', async () => {
    const before = await open(nothing);
    for (let index = 0; index < 2_100; index += 1) await before.enqueue({ handler: 'work' });
    await before.stop(AbortSignal.abort());
    const run = vi.fn<Run>(nothing);
    const engine = await open(run);
    engine.start();
    for (const count of [5, 1, 1024, 3]) {
      engine.setPartitionCount(count);
      await clock.elapse(0);
    }
    await vi.waitFor(() => expect(engine.statistics().completedCount).toBe(2_100), 30_000);
    expect(run).toHaveBeenCalledTimes(2_100);
    expect(engine.statistics().partitionDepths).toEqual([0, 0, 0]);
  });

  it('says when it is full, and keeps nothing of what it refused', async () => {
    const engine = await open(nothing);
    gate.reconfigure({ maxQueueDepth: 2 });
    await engine.enqueue({ handler: 'work' });
    await engine.enqueue({ handler: 'work' });
    await expect(engine.enqueue({ handler: 'work', jobId: 'third' })).rejects.toMatchObject({
      code: 'DW_SCALING_OVERLOADED',
      retryable: true,
    });
    expect(await engine.get('third')).toBeUndefined();
  });

  it('refuses a job of an id that is taken, and data that is too large', async () => {
    const engine = await open(nothing);
    await engine.enqueue({ handler: 'work', jobId: 'a' });
    const refused = [
      engine.enqueue({ handler: 'work', jobId: 'a' }),
      engine.enqueue({ handler: 'work', data: 'x'.repeat(70_000) }),
    ];
    await expect(refused[0]).rejects.toMatchObject({ code: 'DW_AEDS_JOB_EXISTS' });
    await expect(refused[1]).rejects.toMatchObject({ code: 'DW_AEDS_JOB_TOO_LARGE' });
    expect(gate.queueDepth).toBe(1);
  });

  it('waits for what runs when stopped, and takes no more', async () => {
    const { run, started, finish } = gated();
    concurrency.reconfigure(1);
    const engine = await open(run, { partitionCount: 1 });
    const first = await engine.enqueue({ handler: 'work' });
    const second = await engine.enqueue({ handler: 'work' });
    engine.start();
    await vi.waitFor(() => expect(started).toHaveLength(1));
    const stopped = engine.stop(new AbortController().signal);
    await expect(engine.enqueue({ handler: 'work' })).rejects.toMatchObject({
      code: 'DW_AEDS_STOPPED',
    });
    finish[0]?.();
    await stopped;
    expect(await engine.get(first.jobId)).toMatchObject({ state: 'completed' });
    expect(await engine.get(second.jobId)).toMatchObject({ state: 'waiting', starts: 0 });
  });

  it('gives back the attempt of a job that does not end by the deadline', async () => {
    const { run, started } = gated();
    const engine = await open(run);
    const { jobId } = await engine.enqueue({ handler: 'work' });
    engine.start();
    await vi.waitFor(() => expect(started).toHaveLength(1));
    await engine.stop(AbortSignal.abort());
    expect(await engine.get(jobId)).toMatchObject({ state: 'waiting', starts: 0, attempts: [] });
  });

  it('comes through refusals of the store at every step', async () => {
    const run = vi.fn<Run>(async () => 'done');
    const engine = await open(run);
    store.failWrites(new Error('full'));
    await expect(engine.enqueue({ handler: 'work' })).rejects.toThrow('full');
    expect(gate.queueDepth).toBe(0);
    const { jobId } = await engine.enqueue({ handler: 'work' });
    // The start, then the end.
    store.failWrites(new Error('full'));
    engine.start();
    const ended = engine.ended(jobId);
    run.mockImplementation(async () => {
      store.failWrites(new Error('full'), { times: 2 });
      return 'done';
    });
    await vi.waitFor(async () => {
      await clock.elapse(100);
      expect(await engine.get(jobId)).toMatchObject({ state: 'completed' });
    });
    expect(await ended).toMatchObject({ state: 'completed', result: 'done' });
    expect(run).toHaveBeenCalledOnce();
  });
});
