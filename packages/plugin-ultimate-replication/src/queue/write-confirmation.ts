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
   * Waits as the strategy says. With no replica registered there is nobody to wait for; with some
   * registered and none active the promise of `allActive` would be empty, so it is refused.
   *
   * @returns Ids of the replicas that have stored the write.
   * @throws {@link DwError} `DW_REPLICATION_UNCONFIRMED`; the write is stored here all the same.
   */
  async confirm(write: ConfirmableWrite): Promise<readonly string[]> {
    const { replicas, confirmations, log, clock, timeoutMs } = this.#options;
    const registered = replicas.list();
    if (write.strategy.confirmations === 'none' || registered.length === 0) return [];
    const hasConfirmed = (nodeId: string): boolean =>
      (log.consumer(nodeId)?.position.sequence ?? 0) >= write.sequence;
    const active = registered.filter(({ isActive }) => isActive).map(({ nodeId }) => nodeId);
    const faster = active.filter(hasConfirmed);
    const waitFor = active.filter((nodeId) => !faster.includes(nodeId));
    using deadline = new LinkedAbort(write.signal);
    deadline.abortAfter(timeoutMs, { clock });
    const outcome = await confirmations.wait(write.sequence, waitFor, faster, deadline.signal);
    for (const nodeId of outcome.silent) replicas.suspect(nodeId);
    write.signal?.throwIfAborted();
    return this.#judge(write, outcome, registered.length);
  }

  #judge(
    { version, sequence }: ConfirmableWrite,
    outcome: ConfirmationOutcome,
    registeredCount: number,
  ): readonly string[] {
    const { confirmedBy, refusedBy, silent, inactive } = outcome;
    if (confirmedBy.length > 0 && refusedBy.length === 0 && silent.length === 0) {
      return [...confirmedBy].sort();
    }
    const missing =
      refusedBy.length > 0 ? 'a replica refused it' : 'no active replica confirmed it';
    const reason = silent.length > 0 ? `${silent.join(', ')} did not answer in time` : missing;
    throw replicationError('DW_REPLICATION_UNCONFIRMED', {
      message: `The write is stored here and will be replicated, but ${reason}`,
      details: {
        isStored: true,
        version,
        sequence,
        confirmedBy,
        refusedBy,
        silent,
        inactive,
        registeredCount,
      },
    });
  }
}
