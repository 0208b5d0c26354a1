import type { LogPosition, WriteAheadLog } from '@datawarehouse/sdk';

/** Knows how far other nodes are in this node's log, also those that only bundles come from. */
export class ReplicaPlaces {
  readonly #log: WriteAheadLog;
  readonly #told = new Map<string, LogPosition | undefined>();

  constructor(log: WriteAheadLog) {
    this.#log = log;
  }

  /** Takes note of what a node says in a bundle; the log waits for it no longer than that. */
  async learn(nodeId: string, position: LogPosition | undefined): Promise<void> {
    const log = this.#log;
    if (log.consumer(nodeId) === undefined) return;
    this.#told.set(nodeId, position);
    const isOurs = position?.epoch === log.epoch && position.sequence <= log.headSequence;
    if (isOurs) await log.acknowledge(nodeId, position);
  }

  /** The sequence behind which a node can go on in the log; `undefined` where it needs everything. */
  followsFrom(nodeId: string): number | undefined {
    const log = this.#log;
    const consumer = log.consumer(nodeId);
    const told = this.#told.get(nodeId);
    const isFollowing = !this.#told.has(nodeId) || told?.epoch === log.epoch;
    if (consumer === undefined || consumer.isTruncated || !isFollowing) return undefined;
    const sequence = Math.min(log.headSequence - consumer.lagEntries, told?.sequence ?? Infinity);
    return sequence === 0 || sequence + 1 < log.tailSequence ? undefined : sequence;
  }
}
