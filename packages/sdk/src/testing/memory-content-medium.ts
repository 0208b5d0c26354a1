import { randomUUID } from 'node:crypto';
import { SdkCompatibility } from '../compatibility/sdk-compatibility.js';
import { storeError } from '../errors/store-errors.js';
import type {
  ContentLocation,
  ContentMedium,
  ContentMediumCapabilities,
  ContentMediumChunk,
} from '../persistence/content-medium.js';

/** Options of {@link MemoryContentMedium}. */
export interface MemoryContentMediumOptions {
  /**
   * Size from which a segment is full, in bytes.
   * @defaultValue 1048576
   */
  readonly maxSegmentBytes?: number;
}

/** The whole contract of a content medium in a `Map`, for tests. Nothing outlives the process. */
@SdkCompatibility('6.0.0')
export class MemoryContentMedium implements ContentMedium {
  readonly capabilities: ContentMediumCapabilities = Object.freeze({ durability: 'memory' });
  readonly #options: MemoryContentMediumOptions;
  #segments = new Map<string, Buffer>();
  #active: string | undefined;
  #isClosed = false;

  constructor(options: MemoryContentMediumOptions = {}) {
    this.#options = options;
  }

  get activeSegment(): string | undefined {
    return this.#active;
  }

  async append(chunks: readonly ContentMediumChunk[]): Promise<readonly ContentLocation[]> {
    this.#assertOpen();
    const { maxSegmentBytes = 2 ** 20 } = this.#options;
    const active = this.#active === undefined ? undefined : this.#segments.get(this.#active);
    if (active === undefined || active.length >= maxSegmentBytes) this.#active = randomUUID();
    const segment = this.#active ?? '';
    const before = this.#segments.get(segment) ?? Buffer.alloc(0);
    this.#segments.set(segment, Buffer.concat([before, ...chunks.map(({ data }) => data)]));
    let offset = before.length;
    return chunks.map(({ data: { byteLength: sizeBytes } }) => {
      const location = { segment, offset, sizeBytes };
      offset += sizeBytes;
      return location;
    });
  }

  async sync(): Promise<void> {
    this.#assertOpen();
  }

  async read({ segment, offset, sizeBytes }: ContentLocation): Promise<Uint8Array | undefined> {
    this.#assertOpen();
    const bytes = this.#segments.get(segment)?.subarray(offset, offset + sizeBytes);
    return bytes?.length === sizeBytes ? new Uint8Array(bytes) : undefined;
  }

  async segments(): Promise<readonly string[]> {
    this.#assertOpen();
    return [...this.#segments.keys()];
  }

  async sizeOf(segment: string): Promise<number> {
    this.#assertOpen();
    return this.#segments.get(segment)?.length ?? 0;
  }

  async remove(segment: string): Promise<void> {
    this.#assertOpen();
    if (this.#active === segment) this.#active = undefined;
    this.#segments.delete(segment);
  }

  /** Another medium over the same bytes, as a later process would open it. */
  reopen(): MemoryContentMedium {
    const reopened = new MemoryContentMedium(this.#options);
    reopened.#segments = this.#segments;
    return reopened;
  }

  /** Flips a bit of the byte at an offset. */
  damage({ segment, offset }: Pick<ContentLocation, 'segment' | 'offset'>): void {
    const bytes = this.#segments.get(segment);
    if (bytes !== undefined) bytes[offset] = (bytes[offset] ?? 0) ^ 1;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #assertOpen(): void {
    if (this.#isClosed) throw storeError('DW_STORE_CLOSED');
  }
}
