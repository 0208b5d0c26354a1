import {
  DwError,
  type IMessageBus,
  type Logger,
  type MembershipChange,
  membershipChangedTopic,
} from '@datawarehouse/sdk';

/**
 * Publishes changes of the membership in order. While a subscriber is full, only the latest change
 * of each node waits, so that what waits is bounded by the number of nodes.
 */
export class MembershipPublisher {
  readonly #bus: IMessageBus;
  readonly #logger: Logger;
  readonly #waiting = new Map<string, MembershipChange>();
  readonly #closing = new AbortController();
  #isStarted = false;
  #isRunning = false;

  constructor(bus: IMessageBus, logger: Logger) {
    this.#bus = bus;
    this.#logger = logger;
  }

  /** Begins to publish: changes before it are not told, since subscribers see the members then. */
  start(): void {
    this.#isStarted = true;
  }

  push(change: MembershipChange): void {
    if (!this.#isStarted || this.#closing.signal.aborted) return;
    this.#waiting.delete(change.nodeId);
    this.#waiting.set(change.nodeId, change);
    if (!this.#isRunning) void this.#run();
  }

  /** Drops what waits for a full subscriber. */
  close(): void {
    this.#closing.abort();
    this.#waiting.clear();
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    for (const [nodeId, change] of this.#waiting) {
      this.#waiting.delete(nodeId);
      try {
        await this.#bus.publish(membershipChangedTopic, change, { signal: this.#closing.signal });
      } catch (error) {
        if (this.#closing.signal.aborted || DwError.is(error, 'DW_BUS_CLOSED')) break;
        this.#logger.error({ error, change }, 'could not publish a change of the membership');
      }
    }
    this.#isRunning = false;
  }
}
