import { type Clock, LinkedAbort, type WriteAheadLog } from '@datawarehouse/sdk';
import { replicationError } from '../errors/replication-errors.js';
import type { ReplicaRegistry } from '../replicas/replica-registry.js';
import type { ReplicationStrategy } from '../strategies/replication-strategy.js';
import type { ConfirmationOutcome, Confirmations } from './confirmations.js';

/** What a {@link WriteConfirmation} works with. */
export interface WriteConfirmationOptions {
  readonly confirmations: Confirmations;
  readonly replicas: ReplicaRegistry;
  readonly log: WriteAheadLog;
  readonly clock: Clock;
  readonly timeoutMs: number;
}

/** The write that replicas are to confirm. */
export interface ConfirmableWrite {
  readonly sequence: number;
  readonly strategy: ReplicationStrategy;
  /** Written form of the version, for the error. */
  readonly version: string;
  readonly signal?: AbortSignal | undefined;
}

/** Makes a write wait for the replicas that its strategy asks for. */
export class WriteConfirmation {
  readonly #options: WriteConfirmationOptions;

  constructor(options: WriteConfirmationOptions) {
    this.#options = options;
  }

  /**
   * Waits as the strategy says. With no replica registered `allActive` and a majority have nobody to
   * wait for; with some registered and none active their promise would be empty, so it is refused.
   * A number of replicas is waited for however many there are.
   *
   * @returns Ids of the replicas that have stored the write.
   * @throws {@link DwError} `DW_REPLICATION_UNCONFIRMED`; the write is stored here all the same.
   */
  async confirm(write: ConfirmableWrite): Promise<readonly string[]> {
    const { replicas, confirmations, log, clock, timeoutMs } = this.#options;
    const registered = replicas.list();
    const neededCount = neededOf(write.strategy, registered.length);
    if (neededCount === 0) return [];
    const hasConfirmed = (nodeId: string): boolean =>
      (log.consumer(nodeId)?.position.sequence ?? 0) >= write.sequence;
    const active = registered.filter(({ isActive }) => isActive).map(({ nodeId }) => nodeId);
    const confirmedBy = active.filter(hasConfirmed);
    const waitFor = active.filter((nodeId) => !confirmedBy.includes(nodeId));
    using deadline = new LinkedAbort(write.signal);
    deadline.abortAfter(timeoutMs, { clock });
    const { sequence } = write;
    const wait = { sequence, waitFor, confirmedBy, neededCount, signal: deadline.signal };
    const outcome = await confirmations.wait(wait);
    const isEnough = neededCount !== undefined && outcome.confirmedBy.length >= neededCount;
    if (isEnough) return [...outcome.confirmedBy].sort();
    // Those that nobody waited for to the end are not to blame.
    if (deadline.signal.aborted) for (const nodeId of outcome.silent) replicas.suspect(nodeId);
    write.signal?.throwIfAborted();
    return this.#judge(write, outcome, { registeredCount: registered.length, neededCount });
  }

  #judge(
    { version, sequence }: ConfirmableWrite,
    outcome: ConfirmationOutcome,
    counts: { readonly registeredCount: number; readonly neededCount: number | undefined },
  ): readonly string[] {
    const { confirmedBy, refusedBy, silent, inactive } = outcome;
    const isComplete = confirmedBy.length > 0 && refusedBy.length === 0 && silent.length === 0;
    if (counts.neededCount === undefined && isComplete) return [...confirmedBy].sort();
    throw replicationError('DW_REPLICATION_UNCONFIRMED', {
      message: `The write is stored here and will be replicated, but ${reasonOf(outcome, counts)}`,
      details: {
        ...{ isStored: true, version, sequence, confirmedBy, refusedBy, silent, inactive },
        ...counts,
      },
    });
  }
}

/** How many replicas have to confirm; `undefined` stands for all that are active. */
function neededOf(
  { confirmations }: ReplicationStrategy,
  registeredCount: number,
): number | undefined {
  if (confirmations === 'none') return 0;
  if (confirmations === 'allActive') return registeredCount === 0 ? 0 : undefined;
  if (confirmations === 'majority') return Math.floor((registeredCount + 1) / 2);
  return confirmations;
}

function reasonOf(
  { confirmedBy, refusedBy, silent }: ConfirmationOutcome,
  { neededCount }: { readonly neededCount: number | undefined },
): string {
  if (neededCount !== undefined) {
    return `${confirmedBy.length} of the ${neededCount} replicas that its strategy asks for confirmed it`;
  }
  if (silent.length > 0) return `${silent.join(', ')} did not answer in time`;
  return refusedBy.length > 0 ? 'a replica refused it' : 'no active replica confirmed it';
}
