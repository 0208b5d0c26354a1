import { type IPersistentBackingStore, storePathSegments } from '@datawarehouse/sdk';
import { workPrefixes } from './job-paths.js';

interface Listing {
  readonly paths: AsyncIterator<string>;
  readonly first: IteratorResult<string, unknown>;
}

/**
 * Counts the open jobs of an earlier run that are in no queue: delayed ones, paused ones, and those
 * behind others of their key. What is added after the beginning is not counted.
 */
export class OpenJobCount {
  readonly #single: readonly Listing[];
  readonly #lines: Listing;

  private constructor(single: readonly Listing[], lines: Listing) {
    this.#single = single;
    this.#lines = lines;
  }

  static async begin(store: IPersistentBackingStore): Promise<OpenJobCount> {
    const listing = async (prefix: string): Promise<Listing> => {
      const paths = store.list(prefix)[Symbol.asyncIterator]();
      return { paths, first: await paths.next() };
    };
    const single = [await listing(workPrefixes.delayed), await listing(workPrefixes.paused)];
    return new OpenJobCount(single, await listing(workPrefixes.lines));
  }

  async finish(onCounted: () => void): Promise<void> {
    for (const { paths, first } of this.#single) {
      for (let next = first; next.done !== true; next = await paths.next()) onCounted();
    }
    const { paths, first } = this.#lines;
    let line: string | undefined;
    for (let next = first; next.done !== true; next = await paths.next()) {
      const [, , , key] = storePathSegments(next.value);
      // The first of each key is counted by its state.
      if (key === line) onCounted();
      line = key;
    }
  }
}
