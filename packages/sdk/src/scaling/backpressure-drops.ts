import type { BackpressureTombstone } from './backpressure.js';
import type { CountedEntry } from './backpressure-entry.js';

/** Items that may be dropped, oldest first, and the tombstones of those that were. */
export class BackpressureDrops {
  readonly #droppable = new Set<CountedEntry>();
  #bytes = 0;
  #tombstones: BackpressureTombstone[] = [];
  #droppedCount = 0;

  /** Items that may be dropped now. */
  get itemCount(): number {
    return this.#droppable.size;
  }

  /** Their bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Items dropped so far. */
  get droppedCount(): number {
    return this.#droppedCount;
  }

  /** Oldest first. Their counts add up to {@link droppedCount}. */
  get tombstones(): readonly BackpressureTombstone[] {
    return [...this.#tombstones];
  }

  add(entry: CountedEntry): void {
    this.#droppable.add(entry);
    this.#bytes += entry.bytes;
  }

  remove(entry: CountedEntry): void {
    if (this.#droppable.delete(entry)) this.#bytes -= entry.bytes;
  }

  /** Takes the oldest one out, for good. */
  dropOldest(): CountedEntry | undefined {
    const [oldest] = this.#droppable;
    if (oldest === undefined) return undefined;
    this.remove(oldest);
    oldest.drop();
    return oldest;
  }

  /** Keeps a tombstone. When there are too many, the two oldest become one. */
  bury(tombstone: BackpressureTombstone, maxTombstones: number): void {
    this.#droppedCount += tombstone.count;
    this.#tombstones.push(tombstone);
    if (this.#tombstones.length <= maxTombstones) return;
    const surplus = this.#tombstones.length - maxTombstones;
    const merged = this.#tombstones.slice(0, surplus + 1);
    const [latest] = merged.slice(-1);
    if (latest === undefined) return;
    const count = merged.reduce((sum, each) => sum + each.count, 0);
    this.#tombstones = [
      Object.freeze({ ...latest, count }),
      ...this.#tombstones.slice(surplus + 1),
    ];
  }
}
