import { RingQueue } from './ring-queue.js';

/** Somebody with messages that wait. */
export interface Receiver {
  /** Handles some of what waits. Returns whether it can go on at once. */
  handleSome(maxCount: number): boolean;
}

/** Messages that one receiver handles before the next one has its turn. */
const turnCount = 64;
/** Turns before timers and I/O have theirs. */
const maxTurns = 1024;

/** Gives each receiver with waiting messages its turn, never inside a publisher's call. */
export class DeliveryLoop {
  readonly #ready = new RingQueue<Receiver>();
  readonly #onBegin: () => void;
  #isAwake = false;

  /** @param onBegin - Called before the first turn of each run. */
  constructor(onBegin: () => void) {
    this.#onBegin = onBegin;
  }

  /** Adds a receiver that has work. It must not be in the loop already. */
  add(receiver: Receiver): void {
    this.#ready.push(receiver);
    if (this.#isAwake) return;
    this.#isAwake = true;
    queueMicrotask(this.#run);
  }

  readonly #run = (): void => {
    this.#onBegin();
    for (let turn = 0; turn < maxTurns; turn += 1) {
      const receiver = this.#ready.shift();
      if (receiver === undefined) {
        this.#isAwake = false;
        return;
      }
      if (receiver.handleSome(turnCount)) this.#ready.push(receiver);
    }
    // Handlers that publish to one another must not keep the process from everything else.
    setImmediate(this.#run);
  };
}
