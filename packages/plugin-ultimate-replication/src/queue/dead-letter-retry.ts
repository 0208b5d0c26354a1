import { replicationError } from '../errors/replication-errors.js';
import type { ObjectApplier } from '../objects/object-applier.js';
import type { DeadLetterName, DeadLetters } from './dead-letters.js';
import { decodeEvent } from './replication-event.js';
import type { ReplicationPeer } from './replication-peer.js';

/** What a {@link DeadLetterRetry} works with. */
export interface DeadLetterRetryOptions {
  readonly deadLetters: DeadLetters;
  readonly applier: ObjectApplier;
  readonly peerOf: (nodeId: string) => ReplicationPeer;
}

/** Applies a dead letter after all, when what kept it away is mended. */
export class DeadLetterRetry {
  readonly #options: DeadLetterRetryOptions;

  constructor(options: DeadLetterRetryOptions) {
    this.#options = options;
  }

  /**
   * Applies the event of a letter, and gives the letter up in the same batch.
   *
   * @returns Whether the object has a new version: not where it has a later one already.
   * @throws {@link DwError} the reason why it cannot be applied still; the letter is kept then.
   */
  async retry(
    name: DeadLetterName,
    signal?: AbortSignal,
  ): Promise<{ readonly isChanged: boolean }> {
    const { deadLetters, applier, peerOf } = this.#options;
    const letter = await deadLetters.get(name);
    if (!letter.isWhole) {
      throw replicationError('DW_REPLICATION_LETTER_INCOMPLETE', { details: { ...name } });
    }
    const { changedCount, refused } = await applier.apply({
      records: [decodeEvent(letter.data)],
      source: peerOf(name.origin).payloads(),
      signal,
      operations: async (refusals) =>
        refusals.length > 0 ? [] : [deadLetters.dropOperation(name)],
    });
    const [refusal] = refused;
    if (refusal !== undefined) throw refusal.error;
    deadLetters.noteDropped(name);
    return { isChanged: changedCount > 0 };
  }
}
