import { Backoff, type Clock, DwError, KeyedMutex, type Logger } from '@datawarehouse/sdk';

/** A node that should be met. */
export interface MeetingTarget {
  /** Names the target: its node id, or its address while that is not known. */
  readonly key: string;
  /** Where to call it now; `undefined` ends the attempts. */
  readonly endpoint: () => string | undefined;
  /** Id that the node must have, where it is known. */
  readonly nodeId?: string;
  /** Attempts after which it is given up. Default: never. */
  readonly maxAttempts?: number;
}

/** What {@link Meetings} need. */
export interface MeetingsOptions {
  /** Meets a node once. */
  readonly meet: (target: MeetingTarget, endpoint: string, signal: AbortSignal) => Promise<void>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Number from 0 to 1. Default: `Math.random`. */
  readonly random?: () => number;
}

const waits = { firstMs: 500, maxMs: 30_000 };
const maxTargets = 1_024;
/** Attempts under way at a time. */
const lanes = 16;

/** Findings of this node that another attempt cannot change. */
const finalCodes = ['DW_CLUSTER_SELF', 'DW_CLUSTER_REMOVED'] as const;

/** Meets nodes in the background: each until it is reached, ever more slowly. */
export class Meetings {
  readonly #options: MeetingsOptions;
  readonly #running = new Map<string, { abort: AbortController; done: Promise<void> }>();
  readonly #lanes = new KeyedMutex();
  #started = 0;
  #isClosed = false;

  constructor(options: MeetingsOptions) {
    this.#options = options;
  }

  /** Begins to meet a node, unless that is under way. */
  begin(target: MeetingTarget): void {
    if (this.#isClosed || this.#running.has(target.key)) return;
    if (this.#running.size >= maxTargets) {
      this.#options.logger.warn({ target: target.key }, 'too many nodes to meet; left one out');
      return;
    }
    const abort = new AbortController();
    this.#started += 1;
    const lane = String(this.#started % lanes);
    const done = this.#pursue(target, lane, abort.signal).finally(() => {
      if (this.#running.get(target.key)?.abort === abort) this.#running.delete(target.key);
    });
    this.#running.set(target.key, { abort, done });
  }

  /** Ends the attempts to meet a node. */
  cancel(key: string): void {
    this.#running.get(key)?.abort.abort();
    this.#running.delete(key);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const running = [...this.#running.values()];
    for (const { abort } of running) abort.abort();
    await Promise.all(running.map(({ done }) => done));
  }

  async #pursue(target: MeetingTarget, lane: string, signal: AbortSignal): Promise<void> {
    const { clock, random = Math.random } = this.#options;
    const backoff = new Backoff({ ...waits, clock, random });
    const { maxAttempts = Number.POSITIVE_INFINITY } = target;
    for (let attempt = 0; attempt < maxAttempts; attempt += 1) {
      if (await this.#lanes.run(lane, () => this.#attempt(target, attempt, signal))) return;
      await backoff.wait({ signal }).catch(() => undefined);
      if (signal.aborted) return;
    }
    this.#options.logger.info({ target: target.key }, 'gave up meeting a node');
  }

  /** Whether no further attempt is needed. */
  async #attempt(target: MeetingTarget, attempt: number, signal: AbortSignal): Promise<boolean> {
    const endpoint = target.endpoint();
    if (endpoint === undefined) return true;
    try {
      await this.#options.meet(target, endpoint, signal);
      return true;
    } catch (error) {
      if (signal.aborted || finalCodes.some((code) => DwError.is(error, code))) return true;
      this.#tell(endpoint, attempt, error);
      return false;
    }
  }
  /** Says once why a node cannot be met: a node that is down for weeks must not fill the log. */
  #tell(endpoint: string, attempt: number, error: unknown): void {
    const { logger } = this.#options;
    if (!DwError.is(error)) logger.error({ endpoint, attempt, error }, 'meeting a node failed');
    else {
      const fields = { endpoint, attempt, code: error.code, hint: error.hint };
      const message = `could not meet a node, trying again: ${error.message}`;
      if (attempt === 0) logger.warn(fields, message);
      else logger.debug(fields, message);
    }
  }
}
