import {
  Backoff,
  type Clock,
  type ContentStore,
  DwError,
  LinkedAbort,
  type LogEntry,
  type Logger,
  type LogPosition,
  type WriteAheadLog,
} from '@datawarehouse/sdk';
import { replicationError } from '../errors/replication-errors.js';
import type { Refusal } from './confirmations.js';
import { buildEventBatch } from './event-batch.js';
import { type AnsweredFrame, FrameWindow } from './frame-window.js';
import { type ApplyAnswer, logStateOf } from './peer-messages.js';
import type { ReplicationPeer } from './replication-peer.js';
import { isAborted, Wakeup } from './wakeup.js';

/** Bounds of what is sent, which may change while it runs. */
export interface DispatchLimits {
  readonly maxBatchEntries: number;
  readonly maxBatchBytes: number;
  /** Batches sent to one replica and not answered yet. */
  readonly maxBatchesInFlight: number;
}

/** What a {@link ReplicaDispatcher} works with. */
export interface ReplicaDispatcherOptions {
  readonly peer: ReplicationPeer;
  /** Id of this node. */
  readonly origin: string;
  readonly log: WriteAheadLog;
  readonly content: ContentStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits: () => DispatchLimits;
  readonly isActive: () => boolean;
  /** The replica has stored everything up to `sequence`, but for what it refused. */
  readonly onDidConfirm: (confirmed: {
    readonly sequence: number;
    readonly eventCount: number;
    readonly refused: readonly Refusal[];
  }) => void;
  readonly onDidFail: (error: unknown) => void;
}

const retry = { firstMs: 50, maxMs: 5_000 };
const resynchronising = { firstMs: 100, maxMs: 2_000 };
/** While a replica is inactive the probes look after it; this only guards against a lost wake-up. */
const inactiveSleepMs = 60_000;

/**
 * Sends the log to one replica: in order, several batches at a time, again until it is confirmed.
 *
 * A replica applies batches in order and refuses gaps. So after a failure everything behind the last
 * answer is sent again, and what it had already got does no harm.
 */
export class ReplicaDispatcher {
  readonly #options: ReplicaDispatcherOptions;
  readonly #wakeup: Wakeup;
  readonly #stopping = new AbortController();
  readonly #failures = new Backoff(retry);
  readonly #waits = new Backoff(resynchronising);
  readonly #window = new FrameWindow<ApplyAnswer>(this.#stopping.signal);
  /** First sequence that was not sent yet. */
  #next: number;
  /** Last sequence that the replica has confirmed to this dispatcher. */
  #confirmed: number;
  /** First sequence that can be sent without a gap. */
  #servableFrom = 1;
  /** Whether an empty batch is due, to learn where the replica stands. */
  #mustGreet = true;
  /** Whether the replica cannot follow the log for the time being. */
  #isHeldBack = false;
  #idle: LinkedAbort | undefined;
  #running: Promise<void> | undefined;

  constructor(options: ReplicaDispatcherOptions) {
    this.#options = options;
    this.#wakeup = new Wakeup(options.clock);
    const { log, peer } = options;
    const lagEntries = log.consumer(peer.nodeId)?.lagEntries ?? 0;
    this.#confirmed = log.headSequence - lagEntries;
    this.#next = this.#confirmed + 1;
  }

  start(): void {
    this.#running ??= this.#run(this.#stopping.signal);
  }

  /** Ends; what was not confirmed is sent again after the next start. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.wake();
    await this.#running;
  }

  /** Goes on at once: the replica is active again. */
  wake(): void {
    this.#wakeup.notify();
    this.#idle?.abort();
  }

  /** Gives up the calls under way: the replica is inactive, and may never answer them. */
  interrupt(): void {
    this.#window.abort();
  }

  /** Asks the replica where it is, if what it says elsewhere is not what is known of it here. */
  noteReplicaPosition(position: LogPosition | undefined): void {
    const { log } = this.#options;
    const isKnown = position?.epoch === log.epoch && position.sequence >= this.#confirmed;
    if (isKnown && !this.#isHeldBack) return;
    this.#mustGreet = true;
    this.wake();
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        if (!this.#options.isActive()) await this.#wakeup.sleep(inactiveSleepMs, signal);
        else await this.#step(signal);
      } catch (error) {
        await this.#rewind(this.#confirmed);
        if (isAborted(signal) || DwError.is(error, 'DW_LOG_CLOSED')) return;
        this.#mustGreet = true;
        this.#options.onDidFail(error);
        await this.#wakeup.sleep(this.#failures.next(), signal);
      }
    }
  }

  async #step(signal: AbortSignal): Promise<void> {
    await this.#fill(signal);
    const answered = await this.#window.takeFirst();
    if (answered === undefined) return;
    this.#failures.reset();
    this.#isHeldBack = answered.answer.status === 'resynchronising';
    if (this.#isHeldBack) {
      await this.#rewind(this.#confirmed);
      this.#mustGreet = true;
      await this.#wakeup.sleep(this.#waits.next(), signal);
      return;
    }
    this.#waits.reset();
    await this.#settle(answered);
  }

  /** Sends until so much is under way that an answer is due next. */
  async #fill(signal: AbortSignal): Promise<void> {
    while (!isAborted(signal) && this.#options.isActive()) {
      const { frameCount } = this.#window;
      if (this.#mustGreet) {
        // What the replica says to it shows where to go on, so nothing else may be under way.
        if (frameCount > 0) return;
        this.#mustGreet = false;
        await this.#send((await this.#read(signal)) ?? [], signal);
        return;
      }
      if (frameCount >= this.#options.limits().maxBatchesInFlight) return;
      const entries = await this.#read(signal);
      if (entries === undefined) continue;
      if (entries.length > 0) await this.#send(entries, signal);
      else if (!(await this.#waitForNews(signal))) return;
    }
  }

  /** Gives up what is under way, and goes on behind `sequence`. */
  async #rewind(sequence: number): Promise<void> {
    await this.#window.clear();
    this.#confirmed = sequence;
    this.#next = sequence + 1;
  }

  /** Reads what comes next; `undefined` where it is gone, and the replica is to be greeted. */
  async #read(signal: AbortSignal): Promise<readonly LogEntry[] | undefined> {
    const { log, limits } = this.#options;
    const { maxBatchEntries, maxBatchBytes } = limits();
    try {
      return await log.read(this.#next, {
        limitEntries: maxBatchEntries,
        limitBytes: maxBatchBytes,
        signal,
      });
    } catch (error) {
      if (DwError.is(error, 'DW_LOG_TRUNCATED')) {
        this.#skipTo(log.tailSequence);
      } else if (DwError.is(error, 'DW_LOG_GAP')) {
        this.#options.logger.error({ error }, 'the log is damaged; the replica resynchronises');
        this.#skipTo(Number(error.details.nextSequence));
      } else {
        throw error;
      }
      return undefined;
    }
  }

  /** Tells the replica that what lies before `sequence` cannot be sent; it resynchronises then. */
  #skipTo(sequence: number): void {
    this.#next = sequence;
    this.#servableFrom = sequence;
    this.#mustGreet = true;
  }

  async #send(entries: readonly LogEntry[], signal: AbortSignal): Promise<void> {
    const { peer, origin, log, content, limits } = this.#options;
    const from = this.#next;
    const batch = await buildEventBatch(entries, content, limits().maxBatchBytes * 4);
    signal.throwIfAborted();
    const eventCount = batch.events.length;
    const isPipelined = this.#window.frameCount > 0;
    // What is under way counts as there: it comes first.
    const reached = isPipelined ? this.#confirmed + 1 : from;
    const tail = Math.min(Math.max(this.#servableFrom, log.tailSequence), reached);
    const header = {
      ...{ v: 1 as const, origin, from, eventCount, chunks: [...batch.chunkDigests] },
      log: { epoch: log.epoch, tail, head: log.headSequence },
      ...(isPipelined && { isPipelined }),
    };
    this.#window.send({ from, eventCount }, (calling) =>
      peer.apply(header, [...batch.events, ...batch.chunks], calling),
    );
    this.#next = from + eventCount;
  }

  async #settle({ answer, from, eventCount }: AnsweredFrame<ApplyAnswer>): Promise<void> {
    const { log, peer, onDidConfirm } = this.#options;
    const { position, status, refused } = answer;
    const isOurs = position?.epoch === log.epoch && position.sequence <= log.headSequence;
    const { sequence = 0 } = position ?? {};
    const isWrong = status === 'expects' ? sequence + 1 === from : sequence + 1 < from + eventCount;
    if (!isOurs || isWrong) {
      throw replicationError('DW_REPLICATION_INVALID_MESSAGE', {
        message: `The replica ${peer.nodeId} is at a position that makes no sense`,
        details: { position, from, eventCount, log: logStateOf(log) },
      });
    }
    // It has not what was sent before, or more than that: nothing under way is of use.
    if (status === 'expects' || sequence + 1 > this.#next) await this.#rewind(sequence);
    this.#confirmed = sequence;
    await log.acknowledge(peer.nodeId, position);
    onDidConfirm({ sequence, refused, eventCount: status === 'applied' ? eventCount : 0 });
  }

  /**
   * Waits until there is more to send, or until the first frame is answered.
   *
   * @returns Whether there may be more to send.
   */
  async #waitForNews(signal: AbortSignal): Promise<boolean> {
    using idle = new LinkedAbort(signal);
    this.#idle = idle;
    const appended = this.#options.log.waitForAppend(this.#next - 1, { signal: idle.signal });
    if (this.#window.frameCount > 0) void this.#window.settled().then(() => idle.abort());
    try {
      await appended;
      return true;
    } catch (error) {
      if (!idle.signal.aborted) throw error;
      return this.#window.frameCount === 0;
    } finally {
      this.#idle = undefined;
    }
  }
}
