import { BackpressureGate, ConcurrencyLimit, silentLogger } from '@datawarehouse/sdk';
import { ManualClock, MemoryBackingStore } from '@datawarehouse/sdk/testing';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { openCollections } from '../collections/aeds-collections.js';
import type { JobRecord } from '../collections/job-record.js';
import { newTimedId } from '../identity/identifiers.js';
import { JobLifecycle } from './job-lifecycle.js';
import { type JobHandler, JobQueue, type JobQueueOptions } from './job-queue.js';

const never = new AbortController().signal;

function newJob(changes: Partial<JobRecord> = {}): JobRecord {
  return {
    jobId: newTimedId(Date.now()),
    handler: 'work',
    manifestId: newTimedId(0),
    status: 'queued',
    priorityScore: 50,
    totalTargets: 0,
    queuedAt: 0,
    ...changes,
  };
}

describe('JobQueue', () => {
  let store: MemoryBackingStore;
  let clock: ManualClock;
  let lifecycle: JobLifecycle;

  beforeEach(() => {
    store = new MemoryBackingStore();
    clock = new ManualClock();
    reopen();
  });

  /** As after a restart: nothing in memory. */
  const reopen = (): void => {
    lifecycle = new JobLifecycle(openCollections(store).jobs, store, clock);
  };

  const queueOf = (work: JobHandler, options: Partial<JobQueueOptions> = {}): JobQueue =>
    new JobQueue({
      lifecycle,
      handlers: { work },
      onFailed: async () => undefined,
      gate: new BackpressureGate({ subsystemName: 'aeds', maxQueueDepth: 1000, clock }),
      concurrency: new ConcurrencyLimit(64),
      partitionCount: 1,
      timeLimitMs: 1000,
      clock,
      logger: silentLogger,
      ...options,
    });

  it('runs the most urgent first, and equals in order', async () => {
    const done: number[] = [];
    const queue = queueOf(async ({ priorityScore }) => void done.push(priorityScore));
    for (const priorityScore of [10, 90, 50, 70, 90]) {
      await queue.enqueue(newJob({ priorityScore }), []);
    }
    queue.start();
    await vi.waitFor(() => {
      expect(done).toEqual([90, 90, 70, 50, 10]);
    });
    await queue.stop(never);
  });

  it('wakes up for a job that comes while it is idle', async () => {
    const done = vi.fn<JobHandler>(async () => undefined);
    const queue = queueOf(done, { partitionCount: 3 });
    queue.start();
    for (let index = 0; index < 20; index += 1) await queue.enqueue(newJob(), []);
    await vi.waitFor(() => {
      expect(done).toHaveBeenCalledTimes(20);
    });
    expect(queue.statistics()).toMatchObject({ enqueuedCount: 20, processedCount: 20 });
    await queue.stop(never);
  });

  it('runs again what an earlier run left open, and nothing else', async () => {
    const [open, half, ended] = [newJob(), newJob(), newJob()];
    for (const job of [open, half, ended]) await lifecycle.add(job, []);
    await lifecycle.begin(half.jobId);
    await lifecycle.end(ended.jobId, 'completed');
    reopen();
    const done: string[] = [];
    const queue = queueOf(async ({ jobId }) => void done.push(jobId));
    queue.start();
    await vi.waitFor(() => {
      expect(done).toHaveLength(2);
    });
    expect(done).toEqual(expect.arrayContaining([open.jobId, half.jobId]));
    await queue.stop(never);
  });

  it('keeps an error with the job, and counts a missing handler as one', async () => {
    const failed: string[] = [];
    const queue = queueOf(() => Promise.reject(new Error('broken')), {
      onFailed: async (jobId) => void failed.push(jobId),
    });
    const [broken, missing] = [newJob(), newJob({ handler: 'toString' })];
    await queue.enqueue(broken, []);
    await queue.enqueue(missing, []);
    queue.start();
    await vi.waitFor(() => {
      expect(failed).toHaveLength(2);
    });
    expect(await lifecycle.get(broken.jobId)).toMatchObject({
      status: 'failed',
      error: { code: 'DW_AEDS_JOB_FAILED', message: 'broken' },
    });
    expect(await lifecycle.get(missing.jobId)).toMatchObject({
      status: 'failed',
      error: { code: 'DW_AEDS_JOB_NO_HANDLER' },
    });
    expect(queue.statistics()).toMatchObject({ processedCount: 0, failedCount: 2 });
    await queue.stop(never);
  });

  it('leaves behind a job that hangs, and goes on', async () => {
    const done: string[] = [];
    const hanging = newJob({ priorityScore: 100 });
    const queue = queueOf(({ jobId }) =>
      jobId === hanging.jobId
        ? new Promise(() => undefined)
        : Promise.resolve(void done.push(jobId)),
    );
    const next = newJob();
    await queue.enqueue(hanging, []);
    await queue.enqueue(next, []);
    queue.start();
    await vi.waitFor(() => {
      clock.advance(1001);
      expect(done).toEqual([next.jobId]);
    });
    expect(await lifecycle.get(hanging.jobId)).toMatchObject({
      error: { code: 'DW_AEDS_JOB_TIMEOUT' },
    });
    await queue.stop(never);
  });

  it('says when it is full, and keeps nothing of what it refused', async () => {
    const gate = new BackpressureGate({ subsystemName: 'aeds', maxQueueDepth: 2, clock });
    const queue = queueOf(async () => undefined, { gate });
    await queue.enqueue(newJob(), []);
    await queue.enqueue(newJob(), []);
    const refused = newJob();
    await expect(queue.enqueue(refused, [])).rejects.toMatchObject({
      code: 'DW_SCALING_OVERLOADED',
      retryable: true,
    });
    expect(await lifecycle.get(refused.jobId)).toBeUndefined();
    queue.start();
    await queue.stop(never);
  });

  it('waits for what runs when stopped, keeps the rest, and takes no more', async () => {
    let finish: () => void = () => undefined;
    const running = new Promise<void>((resolve) => (finish = resolve));
    const started = vi.fn();
    const queue = queueOf(async () => {
      started();
      await running;
    });
    const [first, second] = [newJob({ priorityScore: 99 }), newJob()];
    await queue.enqueue(first, []);
    await queue.enqueue(second, []);
    queue.start();
    await vi.waitFor(() => {
      expect(started).toHaveBeenCalledOnce();
    });
    const stopped = queue.stop(never);
    await expect(queue.enqueue(newJob(), [])).rejects.toMatchObject({ code: 'DW_AEDS_STOPPED' });
    finish();
    await stopped;
    expect(started).toHaveBeenCalledOnce();
    expect(await lifecycle.get(second.jobId)).toMatchObject({ status: 'queued' });
  });

  it('gives back a job that does not end by the deadline', async () => {
    const queue = queueOf(() => new Promise(() => undefined));
    const job = newJob();
    await queue.enqueue(job, []);
    queue.start();
    await vi.waitFor(async () => {
      expect(await lifecycle.get(job.jobId)).toMatchObject({ status: 'inProgress' });
    });
    await queue.stop(AbortSignal.abort());
    expect(await lifecycle.get(job.jobId)).toMatchObject({ status: 'inProgress' });
    expect(queue.statistics().failedCount).toBe(0);
  });

  it('does not run a job that was cancelled while it waited', async () => {
    const done = vi.fn<JobHandler>(async () => undefined);
    const queue = queueOf(done);
    const [cancelled, last] = [newJob({ priorityScore: 99 }), newJob()];
    await queue.enqueue(cancelled, []);
    await queue.enqueue(last, []);
    await lifecycle.end(cancelled.jobId, 'cancelled');
    queue.start();
    await vi.waitFor(() => {
      expect(done).toHaveBeenCalledOnce();
    });
    expect(await lifecycle.get(cancelled.jobId)).toMatchObject({ status: 'cancelled' });
    await queue.stop(never);
  });
});
