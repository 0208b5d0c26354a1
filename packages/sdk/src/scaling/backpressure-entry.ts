import type { BackpressureEntry } from './backpressure.js';

/** A place inside a gate, counted until it is disposed or dropped. */
export class CountedEntry implements BackpressureEntry {
  readonly bytes: number;
  readonly qualityRatio: number;
  /** Given where the item may be dropped. */
  readonly id: string | undefined;
  #leave: (() => void) | undefined;
  #isDropped = false;

  constructor(
    item: {
      readonly bytes: number;
      readonly qualityRatio: number;
      readonly id: string | undefined;
    },
    leave: () => void,
  ) {
    this.bytes = item.bytes;
    this.qualityRatio = item.qualityRatio;
    this.id = item.id;
    this.#leave = leave;
  }

  get isDropped(): boolean {
    return this.#isDropped;
  }

  /** Marks the item as dropped: its place is somebody else's. */
  drop(): void {
    this.#isDropped = true;
    this.#leave = undefined;
  }

  [Symbol.dispose](): void {
    const leave = this.#leave;
    this.#leave = undefined;
    leave?.();
  }
}
