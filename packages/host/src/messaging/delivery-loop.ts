import { RingQueue } from './ring-queue.js';

/** Somebody with messages that wait. */
export interface Receiver {
  /** Handles some of what waits. Returns whether it can go on at once. */
  handleSome(maxCount: number): boolean;
}

/** What a loop calls. */
export interface DeliveryLoopOptions {
  /** Called before the first turn of each run. */
  readonly onBegin: () => void;
  /** Called before each turn: adds those who have something to do by now. */
  readonly onTurn: () => void;
}

/** Messages that one receiver handles before the next one has its turn. */
const turnCount = 64;
/** Turns before timers and I/O have theirs. */
const maxTurns = 1024;

/** Gives each receiver with waiting messages its turn, never inside a publisher's call. */
export class DeliveryLoop {
  readonly #ready = new RingQueue<Receiver>();
  readonly #options: DeliveryLoopOptions;
  #isAwake = false;

  constructor(options: DeliveryLoopOptions) {
    this.#options = options;
  }

  /** Adds a receiver that has work. It must not be in the loop already. */
  add(receiver: Receiver): void {
    this.#ready.push(receiver);
    this.wake();
  }

  /** Sees to it that a turn comes. */
  wake(): void {
    if (this.#isAwake) return;
    this.#isAwake = true;
    queueMicrotask(this.#run);
  }

  readonly #run = (): void => {
    const { onBegin, onTurn } = this.#options;
    onBegin();
    for (let turn = 0; turn < maxTurns; turn += 1) {
      onTurn();
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
