import {
  assertStorePath,
  type BackingStoreOperation,
  type IPersistentBackingStore,
  KeyedMutex,
  LinkedAbort,
} from '@datawarehouse/sdk';
import { aedsError } from '../errors/aeds-errors.js';
import { newTimedId } from '../identity/identifiers.js';
import { JobDelays } from './job-delays.js';
import { JobDesk } from './job-desk.js';
import type {
  EnqueuedJob,
  JobEngineOptions,
  JobEngineStatistics,
  JobRequest,
} from './job-engine-options.js';
import type { JobHandler } from './job-handler.js';
import { JobMoves } from './job-moves.js';
import { workPaths } from './job-paths.js';
import { JobPlaces } from './job-places.js';
import { JobRetentionWatch } from './job-retention.js';
import { JobRunner } from './job-runner.js';
import { JobScheduler } from './job-scheduler.js';
import { JobSequence } from './job-sequence.js';
import type { ReadyJob } from './job-slot.js';
import { JobWaiters } from './job-waiters.js';
import { JobWriter } from './job-writer.js';
import { OpenJobCount } from './open-job-count.js';
import { type EngineJobState, isEnded, MAX_SCORE, type StoredJob } from './stored-job.js';

/** Largest data of a job, as JSON. */
const maxDataBytes = 65_536;
const day = 86_400_000;

/**
 * Runs jobs: data and the name of a registered handler, in the store before they are acknowledged, each
 * at least once and mostly exactly once. Jobs of one key run in order, others at the same time.
 */
export class JobEngine {
  readonly #store: IPersistentBackingStore;
  readonly #options: JobEngineOptions;
  readonly #handlers = new Map<string, JobHandler>();
  readonly #sequence: JobSequence;
  readonly #scheduler: JobScheduler;
  readonly #writer: JobWriter;
  readonly #moves: JobMoves;
  readonly #runner: JobRunner;
  readonly #places: JobPlaces;
  readonly #delays: JobDelays;
  readonly #retention: JobRetentionWatch;
  readonly #waiters = new JobWaiters();
  readonly #idempotency = new KeyedMutex();
  readonly #stopping = new AbortController();
  /** What runs listens to it, so any number may. */
  readonly #aborting = new LinkedAbort();
  readonly #counts = { enqueued: 0, completed: 0, cancelled: 0, dead: 0, failedAttempts: 0 };
  /** Cancels, pauses, resumes and lists jobs. */
  readonly desk: JobDesk;
  #isHeld = false;
  #hasLostSight = false;
  #recovering: Promise<void> = Promise.resolve();

  private constructor(options: JobEngineOptions, sequence: JobSequence) {
    const { store, gate, concurrency, clock, logger } = options;
    const { retry = { firstMs: 1_000, maxMs: 300_000 }, random } = options;
    this.#store = store;
    this.#options = options;
    this.#sequence = sequence;
    this.#places = new JobPlaces(gate);
    this.#scheduler = new JobScheduler({
      ...{ store, clock, logger },
      partitionCount: options.partitionCount,
      maxConcurrent: () => concurrency.maxConcurrent,
      run: (ready, onHandled) => this.#runner.run(ready, onHandled),
    });
    this.#writer = new JobWriter(store, clock);
    this.#moves = new JobMoves(store, this.#writer, this.#scheduler, {
      onMoved: (job, from) => {
        this.#moved(job, from);
      },
      onDelayed: ({ notBefore = 0 }) => {
        this.#delays.note(notBefore);
      },
    });
    this.#runner = new JobRunner({
      ...{ moves: this.#moves, scheduler: this.#scheduler, concurrency, clock, logger },
      handlers: this.#handlers,
      timeLimitMs: options.timeLimitMs ?? 300_000,
      retry: { ...retry, ...(random && { random }) },
      aborting: this.#aborting.signal,
      onFailed: () => {
        this.#counts.failedAttempts += 1;
      },
    });
    this.desk = new JobDesk({
      ...{ store, moves: this.#moves, runner: this.#runner, scheduler: this.#scheduler },
      ...{ sequence, handlers: this.#handlers, clock },
    });
    const awake = (jobId: string): Promise<void> => this.desk.awake(jobId);
    this.#delays = new JobDelays({ store, awake, clock, logger });
    const ages = { endedMs: day, deadMs: 30 * day, idempotencyMs: day, ...options.retention };
    this.#retention = new JobRetentionWatch({ store, ages, clock, logger, desk: this.desk });
  }

  /** Opens the engine over what an earlier run left. Nothing runs yet. */
  static async open(options: JobEngineOptions): Promise<JobEngine> {
    const engine = new JobEngine(options, await JobSequence.open(options.store));
    await engine.#open();
    return engine;
  }

  /** Registers a handler. To be called before {@link start}. */
  register(name: string, handler: JobHandler): void {
    this.#handlers.set(name, handler);
  }

  /** Begins work, with the jobs first that an earlier run left running. */
  start(): void {
    this.#scheduler.start();
    void this.#delays.look();
    this.#retention.start();
  }

  /**
   * Stores a job, and queues it.
   *
   * @throws DwError `DW_SCALING_OVERLOADED` where too many are open, `DW_AEDS_STOPPED`,
   *   `DW_AEDS_JOB_EXISTS`, `DW_AEDS_JOB_TOO_LARGE`.
   */
  enqueue(request: JobRequest): Promise<EnqueuedJob> {
    const { idempotencyKey } = request;
    if (idempotencyKey === undefined) return this.#enqueue(request, []);
    return this.#idempotency.run(idempotencyKey, async () => {
      const path = workPaths.idempotency(idempotencyKey);
      const known = await this.#store.read(path);
      if (known !== undefined) return { jobId: Buffer.from(known).toString(), isNew: false };
      const jobId = request.jobId ?? newTimedId(this.#options.clock.now());
      const age = workPaths.idempotencyAge(this.#options.clock.now(), idempotencyKey);
      return await this.#enqueue({ ...request, jobId }, [
        { type: 'write', path, data: Buffer.from(jobId) },
        { type: 'write', path: age, data: new Uint8Array(0) },
      ]);
    });
  }

  /** A job with its attempts; `undefined` where there is none, or it is not kept any more. */
  async get(jobId: string): Promise<StoredJob | undefined> {
    const stored = await this.#moves.read(jobId);
    const running = this.#runner.get(jobId);
    // The store does not know of an attempt before its end.
    return stored?.state === 'waiting' && running !== undefined ? running.job : stored;
  }

  /**
   * Waits for a job to be completed, dead or cancelled.
   *
   * @throws DwError `DW_AEDS_JOB_UNKNOWN`; `signal.reason` when aborted.
   */
  ended(jobId: string, options: { readonly signal?: AbortSignal } = {}): Promise<StoredJob> {
    const look = async (): Promise<StoredJob | undefined> => {
      const job = await this.get(jobId);
      if (job === undefined) throw aedsError('DW_AEDS_JOB_UNKNOWN', { details: { jobId } });
      return isEnded(job.state) ? job : undefined;
    };
    return this.#waiters.wait(jobId, look, options.signal);
  }

  /** Lets no job begin, also after a restart, until released. What runs goes on. */
  async hold(): Promise<void> {
    this.#setHeld(true);
    await this.#store.write(workPaths.held, new Uint8Array(0));
  }

  async release(): Promise<void> {
    await this.#store.delete(workPaths.held);
    this.#setHeld(false);
  }

  /** Changes how many partitions there are. Nothing is lost, and no key's order changes. */
  setPartitionCount(count: number): void {
    this.#scheduler.setPartitionCount(count);
  }

  /** To be called after more may run at a time. */
  wake(): void {
    this.#scheduler.wake();
  }

  /**
   * Takes up no more at once, waits for what runs, and aborts that at the deadline; aborted attempts
   * do not count. The rest stays stored.
   */
  async stop(deadline: AbortSignal): Promise<void> {
    this.#stopping.abort();
    this.#scheduler.stop();
    const abort = (): void => {
      const reason = aedsError('DW_AEDS_STOPPED');
      this.#aborting.abort(reason);
      this.#runner.abortAll(reason);
    };
    if (deadline.aborted) abort();
    deadline.addEventListener('abort', abort, { once: true });
    await this.#scheduler.drained();
    await this.#writer.drained();
    deadline.removeEventListener('abort', abort);
    await Promise.all([this.#delays.close(), this.#retention.close(), this.#recovering]);
  }

  statistics(): JobEngineStatistics {
    const { enqueued, completed, cancelled, dead, failedAttempts } = this.#counts;
    return {
      enqueuedCount: enqueued,
      completedCount: completed,
      cancelledCount: cancelled,
      deadCount: dead,
      failedAttemptCount: failedAttempts,
      runningCount: this.#runner.runningCount,
      partitionDepths: this.#scheduler.queueDepths,
      isHeld: this.#isHeld,
      hasLostSight: this.#hasLostSight,
    };
  }

  async #open(): Promise<void> {
    this.#setHeld(await this.#store.exists(workPaths.held));
    const owned = (await this.#writer.owned.recover(this.#store)).map((job): ReadyJob => {
      this.#places.add();
      return { jobId: job.jobId, slot: job.slot, score: MAX_SCORE, sequence: 0, owned: job };
    });
    const onCounted = (): void => {
      this.#places.add();
    };
    const others = await OpenJobCount.begin(this.#store);
    const { counting } = await this.#scheduler.recover(owned, onCounted);
    this.#recovering = Promise.all([counting, others.finish(onCounted)]).then(
      () => undefined,
      (error: unknown) => {
        if (this.#stopping.signal.aborted) return;
        this.#hasLostSight = true;
        this.#options.logger.error({ error }, 'open jobs could not all be counted');
      },
    );
  }

  async #enqueue(
    request: JobRequest,
    operations: readonly BackingStoreOperation[],
  ): Promise<EnqueuedJob> {
    if (this.#stopping.signal.aborted) throw aedsError('DW_AEDS_STOPPED');
    const jobId = request.jobId ?? newTimedId(this.#options.clock.now());
    const { key } = request;
    assertAcceptable(request);
    this.#places.enter();
    try {
      if (request.jobId === undefined && key === undefined) {
        await this.#add(request, jobId, operations);
      } else {
        await this.#moves.locked({ jobId, ...(key !== undefined && { key }) }, async () => {
          const isTaken = request.jobId !== undefined && (await this.get(jobId)) !== undefined;
          if (isTaken) throw aedsError('DW_AEDS_JOB_EXISTS', { details: { jobId } });
          await this.#add(request, jobId, operations);
        });
      }
    } catch (error) {
      this.#places.leave();
      throw error;
    }
    return { jobId, isNew: true };
  }

  async #add(
    request: JobRequest,
    jobId: string,
    operations: readonly BackingStoreOperation[],
  ): Promise<void> {
    const next = this.#sequence.next();
    const job = this.#newJob(request, jobId, typeof next === 'number' ? next : await next);
    await this.#moves.add(job, [...(request.operations ?? []), ...operations]);
  }

  #newJob(request: JobRequest, jobId: string, sequence: number): StoredJob {
    const { handler, data, key, score = 50, timeLimitMs, delayMs = 0 } = request;
    const queuedAt = this.#options.clock.now();
    const maxAttempts = request.maxAttempts ?? this.#options.maxAttempts ?? 5;
    // Assigned rather than spread: this is done for every job.
    const job: { -readonly [K in keyof StoredJob]: StoredJob[K] } = {
      jobId,
      handler,
      score,
      sequence,
      state: 'waiting',
      queuedAt,
      maxAttempts,
      starts: 0,
      attempts: [],
    };
    if (data !== undefined) job.data = data;
    if (key !== undefined) job.key = key;
    if (timeLimitMs !== undefined) job.timeLimitMs = timeLimitMs;
    if (delayMs > 0) {
      job.state = 'delayed';
      job.notBefore = queuedAt + delayMs;
    }
    return job;
  }

  #moved(job: StoredJob, from: EngineJobState | undefined): void {
    if (from === undefined) this.#counts.enqueued += 1;
    if (from === 'dead') this.#places.add();
    if (!isEnded(job.state)) return;
    if (job.state === 'completed') this.#counts.completed += 1;
    if (job.state === 'cancelled') this.#counts.cancelled += 1;
    if (job.state === 'dead') this.#counts.dead += 1;
    this.#places.leave();
    this.#waiters.ended(job);
  }

  #setHeld(isHeld: boolean): void {
    this.#isHeld = isHeld;
    if (isHeld) this.#scheduler.hold();
    else this.#scheduler.release();
  }
}

/** @throws DwError `DW_AEDS_JOB_TOO_LARGE`, `DW_STORE_INVALID_PATH`. */
function assertAcceptable({ data, operations = [] }: JobRequest): void {
  // They share a batch with the moves of other jobs, which must not fail for them.
  for (const { path } of operations) assertStorePath(path);
  if (data === undefined) return;
  const bytes = Buffer.byteLength(JSON.stringify(data));
  if (bytes <= maxDataBytes) return;
  throw aedsError('DW_AEDS_JOB_TOO_LARGE', { details: { bytes, maxBytes: maxDataBytes } });
}
