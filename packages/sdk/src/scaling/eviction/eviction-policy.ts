/** Names of the eviction policies. */
export type EvictionPolicyName = 'LRU' | 'TTL' | 'ARC' | 'W-TinyLFU';

/**
 * Decides which entry of a cache goes when room is needed.
 *
 * It keeps the slots of a table in rings of its own. It never calls the users of the cache.
 */
export interface EvictionPolicy {
  readonly name: EvictionPolicyName;
  /** Most entries that are to be held, or as many as fit where bytes are the limit. */
  capacity: number;
  /** An entry was read. */
  hit(slot: number): void;
  /** An entry's value was replaced. */
  renew(slot: number): void;
  /**
   * The key of a ghost comes back.
   *
   * @returns whether the slot is kept, out of all rings, for {@link insert}; otherwise it is free.
   */
  revive(slot: number): boolean;
  /** Takes a new entry in; there is room for it. */
  insert(slot: number): void;
  /** Takes an entry in that is colder than all others. */
  append(slot: number): void;
  /**
   * Picks the entry that goes; 0 where there is none. It may stay as a ghost.
   *
   * @param isSharing - Whether another policy has entries of the same table.
   */
  evict(isSharing?: boolean): number;
  /** Whether a slot that {@link evict} picked stays as a ghost. */
  isGhost(slot: number): boolean;
  /** Lets an entry go that was removed or has expired. */
  remove(slot: number): void;
  /** The most recent of its entries, about; 0 where there is none. Migration takes them so. */
  hottest(): number;
  /**
   * Lets go of ghosts beyond what `ghostCapacity` entries deserve, at most `mostCount`.
   *
   * @returns whether there are more.
   */
  trim(mostCount: number, ghostCapacity?: number): boolean;
  /** Its entries from the most to the least recent. */
  order(): readonly number[];
}
