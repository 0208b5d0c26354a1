import type { ExpiryHeap } from '../cache/expiry-heap.js';
import type { SlotTable } from '../cache/slot-table.js';
import type { EvictionPolicy } from './eviction-policy.js';

/** The entry goes that expires first; among those that never expire, the one set first. */
export class TtlPolicy implements EvictionPolicy {
  readonly name = 'TTL';
  capacity = 1;
  readonly #table: SlotTable<unknown, unknown>;
  readonly #end: number;
  readonly #expiries: ExpiryHeap;

  /** @param end - Slot that closes its ring, which is in the order of setting. */
  constructor(table: SlotTable<unknown, unknown>, end: number, expiries: ExpiryHeap) {
    this.#table = table;
    this.#end = end;
    this.#expiries = expiries;
  }

  hit(): void {
    // Reading does not make an entry younger.
  }

  renew(slot: number): void {
    this.#table.unlink(slot);
    this.#table.linkFirst(this.#end, slot);
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

  evict(isSharing = false): number {
    const soonest = isSharing ? 0 : this.#expiries.first;
    const slot = soonest === 0 ? this.#table.last(this.#end) : soonest;
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
