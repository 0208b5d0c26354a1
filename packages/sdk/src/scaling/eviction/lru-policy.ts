import type { SlotTable } from '../cache/slot-table.js';
import type { EvictionPolicy } from './eviction-policy.js';

/** The least recently used entry goes. */
export class LruPolicy implements EvictionPolicy {
  readonly name = 'LRU';
  capacity = 1;
  readonly #table: SlotTable<unknown, unknown>;
  readonly #end: number;

  /** @param end - Slot that closes its ring. */
  constructor(table: SlotTable<unknown, unknown>, end: number) {
    this.#table = table;
    this.#end = end;
  }

  hit(slot: number): void {
    const table = this.#table;
    table.unlink(slot);
    table.linkFirst(this.#end, slot);
  }

  renew(slot: number): void {
    this.hit(slot);
  }

  revive(): boolean {
    return false;
  }

  insert(slot: number): void {
    this.#table.linkFirst(this.#end, slot);
  }

  append(slot: number): void {
    this.#table.linkLast(this.#end, slot);
  }

  evict(): number {
    const slot = this.#table.last(this.#end);
    if (slot !== 0) this.#table.unlink(slot);
    return slot;
  }

  isGhost(): boolean {
    return false;
  }

  remove(slot: number): void {
    this.#table.unlink(slot);
  }

  hottest(): number {
    return this.#table.first(this.#end);
  }

  trim(): boolean {
    return false;
  }

  order(): readonly number[] {
    return this.#table.ring(this.#end);
  }
}
