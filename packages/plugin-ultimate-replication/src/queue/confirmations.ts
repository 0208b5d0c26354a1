import { replicationError } from '../errors/replication-errors.js';

/** How a wait for replicas ended. */
export interface ConfirmationOutcome {
  readonly confirmedBy: readonly string[];
  /** Replicas that got the event and could not apply it. */
  readonly refusedBy: readonly { readonly nodeId: string; readonly code: string }[];
  /** Replicas that turned inactive while they were waited for. */
  readonly inactive: readonly string[];
  /** Replicas that had not answered in time. */
  readonly silent: readonly string[];
}

/** An event that a replica passed over, with the reason. */
export interface Refusal {
  readonly sequence: number;
  readonly code: string;
}

interface Waiter {
  readonly sequence: number;
  readonly waitingFor: Set<string>;
  readonly neededCount: number | undefined;
  readonly confirmedBy: string[];
  readonly refusedBy: { readonly nodeId: string; readonly code: string }[];
  readonly inactive: string[];
  settle(error?: Error): void;
}

/** What a writer waits for. */
export interface ConfirmationWait {
  readonly sequence: number;
  readonly waitFor: readonly string[];
  /** Replicas that were faster than the call. */
  readonly confirmedBy: readonly string[];
  /** How many confirmations are enough, those that were faster among them. Default: all. */
  readonly neededCount?: number | undefined;
  readonly signal: AbortSignal;
}

/** Writers that wait until replicas have confirmed an event. */
export class Confirmations implements Disposable {
  readonly #waiters = new Set<Waiter>();
  #isClosed = false;

  /**
   * Waits until each of `waitFor` has confirmed, refused, or dropped out, or until `signal`; with
   * `neededCount` no longer than until that many have confirmed, or no more can.
   *
   * An abort is an outcome like the others: the event is in the log all the same.
   */
  wait(wait: ConfirmationWait): Promise<ConfirmationOutcome> {
    const { sequence, waitFor, confirmedBy, neededCount, signal } = wait;
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        sequence,
        waitingFor: new Set(waitFor),
        neededCount,
        confirmedBy: [...confirmedBy],
        refusedBy: [],
        inactive: [],
        settle: (error) => {
          this.#waiters.delete(waiter);
          signal.removeEventListener('abort', onAbort);
          if (error !== undefined) reject(error);
          else resolve(outcomeOf(waiter));
        },
      };
      const onAbort = (): void => waiter.settle();
      if (this.#isClosed) {
        reject(replicationError('DW_REPLICATION_CLOSED'));
      } else if (isDecided(waiter) || signal.aborted) {
        waiter.settle();
      } else {
        this.#waiters.add(waiter);
        signal.addEventListener('abort', onAbort, { once: true });
      }
    });
  }

  /** A replica has stored everything up to `sequence`, but for what it refused. */
  confirm(nodeId: string, sequence: number, refused: readonly Refusal[] = []): void {
    for (const waiter of this.#waiters) {
      if (waiter.sequence > sequence || !waiter.waitingFor.delete(nodeId)) continue;
      const refusal = refused.find((candidate) => candidate.sequence === waiter.sequence);
      if (refusal === undefined) waiter.confirmedBy.push(nodeId);
      else waiter.refusedBy.push({ nodeId, code: refusal.code });
      if (isDecided(waiter)) waiter.settle();
    }
  }

  /** A replica is inactive or removed: nobody waits for it any longer. */
  drop(nodeId: string): void {
    for (const waiter of this.#waiters) {
      if (!waiter.waitingFor.delete(nodeId)) continue;
      waiter.inactive.push(nodeId);
      if (isDecided(waiter)) waiter.settle();
    }
  }

  /** Ends every wait with `DW_REPLICATION_CLOSED`. */
  [Symbol.dispose](): void {
    this.#isClosed = true;
    for (const waiter of this.#waiters) waiter.settle(replicationError('DW_REPLICATION_CLOSED'));
  }
}

function isDecided({ waitingFor, confirmedBy, neededCount }: Waiter): boolean {
  if (neededCount === undefined) return waitingFor.size === 0;
  const confirmedCount = confirmedBy.length;
  return confirmedCount >= neededCount || confirmedCount + waitingFor.size < neededCount;
}

function outcomeOf(waiter: Waiter): ConfirmationOutcome {
  const { confirmedBy, refusedBy, inactive, waitingFor } = waiter;
  return { confirmedBy, refusedBy, inactive, silent: [...waitingFor] };
}
