import { ContentDigestSet } from './content-digest-set.js';

/**
 * Keeps clean-up away from what is in use by this process: digests of chunks and roots.
 *
 * Pin first, then look whether a thing is there. Clean-up watches first, then looks whether a
 * thing is referred to, and spares what was pinned meanwhile.
 */
export class ContentPins {
  readonly #open = new Set<PinSet>();
  readonly #watches = new Set<Watch>();
  #removing: Promise<void> | undefined;

  /** An empty set of pins that grows by {@link PinSet.add}. */
  open(): PinSet {
    const pins = new PinSet(() => {
      this.#open.delete(pins);
      // What was pinned when a look at the store began may have been referred to since.
      for (const watch of this.#watches) watch.released.add(pins);
    });
    this.#open.add(pins);
    return pins;
  }

  /** Tells watchers of something that is about to be referred to. */
  touch(digest: string): void {
    for (const watch of this.#watches) watch.touched.add(digest);
  }

  /** Resolves when no removal is under way: what is there now stays while pinned. */
  async settled(): Promise<void> {
    while (this.#removing !== undefined) await this.#removing;
  }

  /** Begins to note what is pinned from now on. */
  watch(): PinWatch {
    const watch: Watch = { touched: new Set(), released: new Set() };
    this.#watches.add(watch);
    return {
      isSpared: (digest) =>
        watch.touched.has(digest) ||
        isPinned(digest, this.#open) ||
        isPinned(digest, watch.released),
      [Symbol.dispose]: () => {
        this.#watches.delete(watch);
      },
    };
  }

  /** Runs a removal, chosen in the same turn, that {@link settled} waits for. */
  async remove(removal: () => Promise<void>): Promise<void> {
    const running = removal();
    this.#removing = running.then(
      () => undefined,
      () => undefined,
    );
    try {
      await running;
    } finally {
      this.#removing = undefined;
    }
  }
}

/** See {@link ContentPins.watch}. */
export interface PinWatch extends Disposable {
  /** Whether it is pinned, or was at any time since the watch began. */
  isSpared(digest: string): boolean;
}

/** What happened since a watch began, beyond what is pinned still. */
interface Watch {
  readonly touched: Set<string>;
  readonly released: Set<PinSet>;
}

/** Pins of one stage; disposing it releases them all. */
export class PinSet implements Disposable {
  readonly #release: () => void;
  readonly #chunks = new ContentDigestSet();
  readonly #roots = new Set<string>();

  constructor(release: () => void) {
    this.#release = release;
  }

  /** @returns Whether it was not in this set before. */
  add(digest: string): boolean {
    if (isChunk(digest)) return this.#chunks.add(digest);
    const isNew = !this.#roots.has(digest);
    this.#roots.add(digest);
    return isNew;
  }

  has(digest: string): boolean {
    return isChunk(digest) ? this.#chunks.has(digest) : this.#roots.has(digest);
  }

  [Symbol.dispose](): void {
    this.#release();
  }
}

function isPinned(digest: string, sets: ReadonlySet<PinSet>): boolean {
  for (const pins of sets) if (pins.has(digest)) return true;
  return false;
}

/** Roots have their kind in front. */
function isChunk(digest: string): boolean {
  return !digest.includes(':');
}
