import { DwError, storeError } from '@datawarehouse/sdk';
import type { LevelChange, LevelDatabase } from './level-database.js';
import type { DamagedRanges } from './recovery/damaged-ranges.js';
import { decodeStoredValue } from './stored-value.js';

/** Not a `dw://` path: no listing yields it. */
const markPrefix = '!healed/';

/** Refuses what damage may have lost or made old, until it is written anew. */
export class DamageGuard {
  readonly #ranges: DamagedRanges;
  readonly #database: LevelDatabase;

  private constructor(ranges: DamagedRanges, database: LevelDatabase) {
    this.#ranges = ranges;
    this.#database = database;
  }

  static async open(ranges: DamagedRanges, database: LevelDatabase): Promise<DamageGuard> {
    // The operator took the list away: marks of old damage must not count for the next.
    if (ranges.isEmpty) await database.clear(markPrefix);
    return new DamageGuard(ranges, database);
  }

  /** @throws DwError `DW_STORE_CORRUPT` where what is stored at `path`, or is not, may be wrong. */
  async assertTrusted(path: string): Promise<void> {
    const damage = this.#ranges.damageOf(path);
    if (damage === 0 || (await this.#healedAfter(path)) >= damage) return;
    throw storeError('DW_STORE_CORRUPT', {
      message: `What was stored at ${path.slice(0, 200)} may be lost: a file of the store is damaged`,
      details: { path },
    });
  }

  /** The changes, and marks with them that their paths can be trusted again. */
  healing(changes: readonly LevelChange[]): readonly LevelChange[] {
    if (this.#ranges.isEmpty) return changes;
    const marks = changes
      .filter(({ path }) => this.#ranges.damageOf(path) > 0)
      .map(({ path }): LevelChange => {
        const data = Buffer.from(String(this.#ranges.lastDamage));
        return { path: markPrefix + path, data };
      });
    return [...changes, ...marks];
  }

  /** Number of the last damage before the path was written. */
  async #healedAfter(path: string): Promise<number> {
    const mark = markPrefix + path;
    try {
      const value = await this.#database.get(mark);
      return value === undefined ? 0 : Number(Buffer.from(decodeStoredValue(mark, value)));
    } catch (error) {
      if (DwError.is(error, 'DW_STORE_CORRUPT')) return 0;
      throw error;
    }
  }
}
