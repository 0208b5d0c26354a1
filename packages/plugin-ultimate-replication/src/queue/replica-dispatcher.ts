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
import { type ApplyAnswer, logStateOf } from './peer-messages.js';
import type { ReplicationPeer } from './replication-peer.js';
import { isAborted, Wakeup } from './wakeup.js';

/** Bounds of one batch, which may change while it runs. */
export interface DispatchLimits {
  readonly maxBatchEntries: number;
  readonly maxBatchBytes: number;
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

/** A batch that was sent, and what the replica says to it. */
interface Sent {
  readonly answer: ApplyAnswer;
  readonly eventCount: number;
}

const retry = { firstMs: 50, maxMs: 5_000 };
const resynchronising = { firstMs: 100, maxMs: 2_000 };
/** While a replica is inactive the probes look after it; this only guards against a lost wake-up. */
const inactiveSleepMs = 60_000;

/** Sends the log to one replica: in order, one batch at a time, again until it is confirmed. */
export class ReplicaDispatcher {
  readonly #options: ReplicaDispatcherOptions;
  readonly #wakeup: Wakeup;
  readonly #stopping = new AbortController();
  readonly #failures = new Backoff(retry);
  readonly #waits = new Backoff(resynchronising);
  #next: number;
  /** First sequence that can be sent without a gap. */
  #servableFrom = 1;
  /** Whether an empty batch is due, to learn where the replica stands. */
  #mustGreet = true;
  /** Whether the replica cannot follow the log for the time being. */
  #isHeldBack = false;
  #idle: LinkedAbort | undefined;
  #calling: LinkedAbort | undefined;
  #running: Promise<void> | undefined;

  constructor(options: ReplicaDispatcherOptions) {
    this.#options = options;
    this.#wakeup = new Wakeup(options.clock);
    const { log, peer } = options;
    const lagEntries = log.consumer(peer.nodeId)?.lagEntries ?? 0;
    this.#next = log.headSequence - lagEntries + 1;
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

  /** Gives up the call under way: the replica is inactive, and may never answer it. */
  interrupt(): void {
    this.#calling?.abort();
  }

  /** Asks the replica where it is, if what it says elsewhere is not what is known of it here. */
  noteReplicaPosition(position: LogPosition | undefined): void {
    const { log } = this.#options;
    const isKnown = position?.epoch === log.epoch && position.sequence + 1 >= this.#next;
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
        if (isAborted(signal) || DwError.is(error, 'DW_LOG_CLOSED')) return;
        this.#mustGreet = true;
        this.#options.onDidFail(error);
        await this.#wakeup.sleep(this.#failures.next(), signal);
      }
    }
  }

  async #step(signal: AbortSignal): Promise<void> {
    const entries = await this.#read(signal);
    if (entries.length === 0 && !this.#mustGreet) {
      await this.#waitForNews(signal);
      return;
    }
    const from = this.#next;
    const { answer, eventCount } = await this.#call(from, entries, signal);
    this.#failures.reset();
    this.#isHeldBack = answer.status === 'resynchronising';
    if (this.#isHeldBack) {
      this.#mustGreet = true;
      await this.#wakeup.sleep(this.#waits.next(), signal);
      return;
    }
    this.#waits.reset();
    this.#mustGreet = false;
    await this.#settle(answer, from, eventCount);
  }

  async #read(signal: AbortSignal): Promise<readonly LogEntry[]> {
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
      return [];
    }
  }

  /** Tells the replica that what lies before `sequence` cannot be sent; it resynchronises then. */
  #skipTo(sequence: number): void {
    this.#next = sequence;
    this.#servableFrom = sequence;
    this.#mustGreet = true;
  }

  /** Sends, until it is answered, interrupted or stopped. */
  async #call(from: number, entries: readonly LogEntry[], signal: AbortSignal): Promise<Sent> {
    using calling = new LinkedAbort(signal);
    this.#calling = calling;
    return await this.#send(from, entries, calling.signal);
  }

  async #send(from: number, entries: readonly LogEntry[], signal: AbortSignal): Promise<Sent> {
    const { peer, origin, log, content, limits } = this.#options;
    const batch = await buildEventBatch(entries, content, limits().maxBatchBytes * 4);
    const tail = Math.max(this.#servableFrom, log.tailSequence);
    const eventCount = batch.events.length;
    const answer = await peer.apply(
      {
        v: 1,
        origin,
        log: { epoch: log.epoch, tail: Math.min(tail, from), head: log.headSequence },
        from,
        eventCount,
        chunks: [...batch.chunkDigests],
      },
      [...batch.events, ...batch.chunks],
      signal,
    );
    return { answer, eventCount };
  }

  async #settle(answer: ApplyAnswer, from: number, eventCount: number): Promise<void> {
    const { log, peer, onDidConfirm } = this.#options;
    const { position, status, refused } = answer;
    const isOurs = position?.epoch === log.epoch && position.sequence <= log.headSequence;
    if (!isOurs || (status === 'expects' && position.sequence + 1 === from)) {
      throw replicationError('DW_REPLICATION_INVALID_MESSAGE', {
        message: `The replica ${peer.nodeId} is at a position that makes no sense`,
        details: { position, from, log: logStateOf(log) },
      });
    }
    await log.acknowledge(peer.nodeId, position);
    this.#next = position.sequence + 1;
    const confirmed = { sequence: position.sequence, refused };
    onDidConfirm({ ...confirmed, eventCount: status === 'applied' ? eventCount : 0 });
  }

  async #waitForNews(signal: AbortSignal): Promise<void> {
    using idle = new LinkedAbort(signal);
    this.#idle = idle;
    const after = this.#next - 1;
    try {
      await this.#options.log.waitForAppend(after, { signal: idle.signal });
    } catch (error) {
      if (!idle.signal.aborted) throw error;
    } finally {
      this.#idle = undefined;
    }
  }
}
