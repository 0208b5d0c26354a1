import { type ContentChunks, isChunk } from './content-chunks.js';
import type { ContentLayout } from './content-layout.js';
import type { ContentLocation, ContentMedium, ContentMediumChunk } from './content-medium.js';
import { pathBatches } from './content-paths.js';
import type { ContentSegments } from './content-segments.js';
import type { ContentWriterOptions } from './content-writer.js';
import { readValue } from './damaged-values.js';
import { digestsOf } from './digest-list.js';
import type { BackingStoreOperation, IPersistentBackingStore } from './persistent-backing-store.js';

/** A segment is written anew when less of it than this is still needed. */
const minLiveRatio = 0.5;
const batchPaths = 128;
/** Chunks that are moved at a time. */
const batchChunks = 64;

/** A chunk that the index has in a segment. */
interface LiveChunk {
  readonly digest: string;
  readonly location: ContentLocation;
}

/**
 * Makes a medium smaller: removes segments that hold nothing any more, and moves what is left out
 * of those that hold little.
 *
 * The index is changed first, then the segment goes. Interrupted anywhere, a segment is still
 * marked, or is one that the index does not know; the next clean-up removes both.
 */
export class ContentSegmentCleaner {
  readonly #store: IPersistentBackingStore;
  readonly #layout: ContentLayout;
  readonly #chunks: ContentChunks;
  readonly #segments: ContentSegments;
  readonly #medium: ContentMedium;
  #removedBytes = 0;
  #movedBytes = 0;

  constructor({ store, layout, chunks }: ContentWriterOptions, segments: ContentSegments) {
    this.#store = store;
    this.#layout = layout;
    this.#chunks = chunks;
    this.#segments = segments;
    this.#medium = segments.medium;
  }

  /** @returns Bytes by which the medium became smaller. */
  async run(): Promise<number> {
    for await (const marks of pathBatches(this.#store, this.#layout.marks('dirty'), batchPaths)) {
      for (const mark of marks) await this.#cleanDirty(mark);
    }
    for (const segment of await this.#medium.segments()) await this.#cleanUnknown(segment);
    return this.#removedBytes - this.#movedBytes;
  }

  async #cleanDirty(mark: string): Promise<void> {
    const [segment = ''] = this.#layout.names(mark);
    if (await this.#segments.isInUse(segment)) return;
    const live = await this.#liveChunks(segment);
    if (live === undefined) return;
    const liveBytes = live.reduce((sum, { location }) => sum + location.sizeBytes, 0);
    const isWorthIt = liveBytes < minLiveRatio * (await this.#medium.sizeOf(segment));
    // Damaged chunks stay, and their segment with them: what can be read of it may still help.
    if (live.length > 0 && !(isWorthIt && (await this.#move(live)))) {
      await this.#store.delete(mark);
      return;
    }
    await this.#forget(segment);
    await this.#remove(segment);
  }

  /** Removes what a crash has left before the index named it, or after it had forgotten it. */
  async #cleanUnknown(segment: string): Promise<void> {
    // First of all: what is not in use comes into no index any more.
    if (await this.#segments.isInUse(segment)) return;
    for await (const path of this.#store.list(this.#layout.segmentPrefix(segment), { limit: 1 })) {
      if (path !== '') return;
    }
    await this.#remove(segment);
  }

  /** `undefined` where a damaged record hides what is in the segment. */
  async #liveChunks(segment: string): Promise<readonly LiveChunk[] | undefined> {
    const digests = new Set<string>();
    const prefix = this.#layout.segmentPrefix(segment);
    for await (const paths of pathBatches(this.#store, prefix, batchPaths)) {
      for (const path of paths) {
        const list = (await readValue(this.#store, path))?.data;
        if (list === undefined) return undefined;
        for (const digest of digestsOf(list)) digests.add(digest);
      }
    }
    const live: LiveChunk[] = [];
    for (const digest of digests) {
      const location = await this.#chunks.locate(digest);
      if (location?.segment === segment) live.push({ digest, location });
    }
    return live;
  }

  /** Moves chunks to the active segment. Returns whether all of them are there. */
  async #move(live: readonly LiveChunk[]): Promise<boolean> {
    for (let at = 0; at < live.length; at += batchChunks) {
      const chunks: ContentMediumChunk[] = [];
      for (const { digest, location } of live.slice(at, at + batchChunks)) {
        const data = await this.#medium.read(location);
        if (data === undefined || !isChunk(digest, data)) return false;
        chunks.push({ digest, data });
      }
      using hold = this.#segments.hold();
      await this.#segments.append(chunks, hold);
      this.#movedBytes += hold.bytes;
      await this.#medium.sync(hold.segments);
      await this.#store.batch(hold.operations(this.#layout));
    }
    return true;
  }

  async #forget(segment: string): Promise<void> {
    const prefix = this.#layout.segmentPrefix(segment);
    for await (const paths of pathBatches(this.#store, prefix, batchPaths)) {
      await this.#store.batch(
        paths.map((path): BackingStoreOperation => ({ type: 'delete', path })),
      );
    }
    await this.#store.delete(this.#layout.dirty(segment));
  }

  async #remove(segment: string): Promise<void> {
    this.#removedBytes += await this.#medium.sizeOf(segment);
    await this.#medium.remove(segment);
  }
}
