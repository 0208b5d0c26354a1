import type { IPersistentBackingStore } from '@datawarehouse/sdk';
import { workPaths } from './job-paths.js';

const reservedAtOnce = 1_000_000;

/** Numbers that only grow, also over restarts; a range of them is reserved in the store ahead of use. */
export class JobSequence {
  readonly #store: IPersistentBackingStore;
  #next: number;
  #reservedBelow: number;
  #reserving: Promise<void> | undefined;

  private constructor(store: IPersistentBackingStore, next: number) {
    this.#store = store;
    this.#next = next;
    this.#reservedBelow = next;
  }

  static async open(store: IPersistentBackingStore): Promise<JobSequence> {
    const stored = await store.read(workPaths.sequence);
    const next = stored === undefined ? 1 : Number(Buffer.from(stored).toString('latin1'));
    if (!Number.isSafeInteger(next)) throw new TypeError('The sequence of jobs is damaged');
    const sequence = new JobSequence(store, next);
    await sequence.#reserve();
    return sequence;
  }

  /** The next number, at once or, where none is reserved, after reserving more. */
  next(): number | Promise<number> {
    if (this.#next < this.#reservedBelow) return this.#next++;
    this.#reserving ??= this.#reserve().finally(() => {
      this.#reserving = undefined;
    });
    return this.#reserving.then(() => this.next());
  }

  async #reserve(): Promise<void> {
    const below = this.#next + reservedAtOnce;
    await this.#store.write(workPaths.sequence, Buffer.from(String(below), 'latin1'));
    this.#reservedBelow = below;
  }
}
