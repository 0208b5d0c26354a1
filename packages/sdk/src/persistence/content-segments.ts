import { randomUUID } from 'node:crypto';
import { KeyedMutex } from '../concurrency/keyed-mutex.js';
import type { ContentLayout } from './content-layout.js';
import {
  type ContentLocation,
  type ContentMedium,
  type ContentMediumChunk,
  encodeLocation,
} from './content-medium.js';
import { DigestList } from './digest-list.js';
import type { BackingStoreOperation } from './persistent-backing-store.js';

/** Chunks on a medium that the index does not name yet. */
export class SegmentHold implements Disposable {
  readonly #holds: Map<string, number>;
  readonly #held = new Map<string, ContentMediumChunk['digest'][]>();
  readonly #locations = new Map<string, ContentLocation>();
  #bytes = 0;

  constructor(holds: Map<string, number>) {
    this.#holds = holds;
  }

  /** Bytes appended since the last {@link take}. */
  get bytes(): number {
    return this.#bytes;
  }

  note(digest: string, location: ContentLocation): void {
    const { segment } = location;
    const digests = this.#held.get(segment);
    if (digests === undefined) {
      this.#held.set(segment, [digest]);
      this.#holds.set(segment, (this.#holds.get(segment) ?? 0) + 1);
    } else digests.push(digest);
    this.#locations.set(digest, location);
    this.#bytes += location.sizeBytes;
  }

  /** What is held, to be indexed; another hold goes on with what is noted from now on. */
  take(): SegmentHold {
    const taken = new SegmentHold(this.#holds);
    for (const [digest, location] of this.#locations) taken.note(digest, location);
    this[Symbol.dispose]();
    return taken;
  }

  get segments(): readonly string[] {
    return [...this.#held.keys()];
  }

  get digests(): readonly string[] {
    return [...this.#locations.keys()];
  }

  /**
   * Puts the chunks into the index. Every segment is marked to be looked at by the next clean-up,
   * also for chunks in it that the index never comes to name.
   */
  operations(layout: ContentLayout): readonly BackingStoreOperation[] {
    const operations: BackingStoreOperation[] = [];
    for (const [digest, location] of this.#locations) {
      operations.push({
        type: 'write',
        path: layout.chunk(digest),
        data: encodeLocation(location),
      });
    }
    for (const [segment, digests] of this.#held) {
      operations.push(
        {
          type: 'write',
          path: layout.segment(segment, randomUUID()),
          data: DigestList.of(digests).bytes,
        },
        { type: 'write', path: layout.dirty(segment), data: new Uint8Array(0) },
      );
    }
    return operations;
  }

  [Symbol.dispose](): void {
    for (const segment of this.#held.keys()) {
      const count = (this.#holds.get(segment) ?? 1) - 1;
      if (count === 0) this.#holds.delete(segment);
      else this.#holds.set(segment, count);
    }
    this.#held.clear();
    this.#locations.clear();
    this.#bytes = 0;
  }
}

/** A medium, and which of its segments are being appended to. */
export class ContentSegments {
  readonly medium: ContentMedium;
  readonly #holds = new Map<string, number>();
  readonly #appending = new KeyedMutex();

  constructor(medium: ContentMedium) {
    this.medium = medium;
  }

  hold(): SegmentHold {
    return new SegmentHold(this.#holds);
  }

  /** Appends chunks, and holds their segment until the hold is disposed. */
  async append(chunks: readonly ContentMediumChunk[], hold: SegmentHold): Promise<void> {
    await this.#appending.run('append', async () => {
      const locations = await this.medium.append(chunks);
      for (const [index, { digest }] of chunks.entries()) {
        const location = locations[index];
        if (location !== undefined) hold.note(digest, location);
      }
    });
  }

  /** Whether the index may come to name more of a segment than it does now. */
  isInUse(segment: string): Promise<boolean> {
    return this.#appending.run(
      'append',
      () => segment === this.medium.activeSegment || this.#holds.has(segment),
    );
  }
}
