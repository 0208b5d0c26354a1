import { randomBytes } from 'node:crypto';
import { open, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { SdkCompatibility } from '../compatibility/sdk-compatibility.js';
import { InFlight } from '../concurrency/in-flight.js';
import { storeError } from '../errors/store-errors.js';
import type {
  ContentLocation,
  ContentMedium,
  ContentMediumCapabilities,
  ContentMediumChunk,
} from './content-medium.js';
import { ContentPackFile, isAbsent, packError } from './content-pack-file.js';
import { makeFolder } from './make-folder.js';

/** Options of {@link ContentPacks.open}. */
export interface ContentPacksOptions {
  /** Folder of the files; made where it is missing. One open medium a folder. */
  readonly directory: string;
  /**
   * Size from which a file is full, in bytes.
   * @defaultValue 67108864 (64 MiB)
   */
  readonly maxPackBytes?: number;
}

const extension = '.pack';
const maxOpenFiles = 32;

/**
 * A content medium of append-only files that hold chunks end to end.
 *
 * A process appends to files of its own only: what a crash has left behind the last indexed chunk
 * of an older file is never reached. Files have no headers: the index has the digest, the place
 * and the size of every chunk.
 */
@SdkCompatibility('6.0.0')
export class ContentPacks implements ContentMedium {
  readonly capabilities: ContentMediumCapabilities = Object.freeze({ durability: 'disk' });
  readonly #directory: string;
  readonly #maxPackBytes: number;
  /** Appended to by this process, and not synced or not full. */
  readonly #written = new Map<string, ContentPackFile>();
  /** Open for reading, the least recently used first. */
  readonly #readers = new Map<string, Promise<ContentPackFile>>();
  readonly #inFlight = new InFlight();
  readonly #unlisted = new Set<string>();
  #active: { readonly name: string; readonly file: ContentPackFile } | undefined;
  #closing: Promise<void> | undefined;

  private constructor({ directory, maxPackBytes = 64 * 2 ** 20 }: ContentPacksOptions) {
    this.#directory = directory;
    this.#maxPackBytes = maxPackBytes;
  }

  /**
   * Opens the folder. Files are made when there is something to hold.
   *
   * @throws {@link DwError} `DW_STORE_FULL`, `DW_STORE_IO`.
   */
  static async open(options: ContentPacksOptions): Promise<ContentPacks> {
    try {
      await makeFolder(options.directory);
    } catch (error) {
      throw packError(error, 'open');
    }
    return new ContentPacks(options);
  }

  get activeSegment(): string | undefined {
    return this.#active?.name;
  }

  append(chunks: readonly ContentMediumChunk[]): Promise<readonly ContentLocation[]> {
    return this.#run(async () => {
      const { name: segment, file } = await this.#fileToAppendTo();
      let offset = await file.append(chunks.map(({ data }) => data));
      return chunks.map(({ data: { byteLength: sizeBytes } }) => {
        const location = { segment, offset, sizeBytes };
        offset += sizeBytes;
        return location;
      });
    });
  }

  sync(segments: readonly string[]): Promise<void> {
    return this.#run(async () => {
      await Promise.all(segments.map(async (segment) => this.#written.get(segment)?.sync()));
      if (segments.some((segment) => this.#unlisted.has(segment))) await this.#syncFolder(segments);
      for (const segment of segments) {
        const file = this.#written.get(segment);
        if (file === undefined || segment === this.activeSegment) continue;
        this.#written.delete(segment);
        this.#keepOpen(segment, Promise.resolve(file));
      }
    });
  }

  read({ segment, offset, sizeBytes }: ContentLocation): Promise<Uint8Array | undefined> {
    return this.#run(async () => {
      try {
        for (;;) {
          const file = this.#written.get(segment) ?? (await this.#reader(segment));
          if (!file.isClosed) return await file.read(offset, sizeBytes);
        }
      } catch (error) {
        if (isAbsent(error)) return undefined;
        throw packError(error, 'read');
      }
    });
  }

  segments(): Promise<readonly string[]> {
    return this.#run(async () => {
      const names = await readdir(this.#directory);
      return names
        .filter((name) => name.endsWith(extension))
        .map((name) => name.slice(0, -extension.length));
    });
  }

  sizeOf(segment: string): Promise<number> {
    return this.#run(async () => {
      try {
        return (await stat(this.#path(segment))).size;
      } catch (error) {
        if (isAbsent(error)) return 0;
        throw packError(error, 'stat');
      }
    });
  }

  remove(segment: string): Promise<void> {
    return this.#run(async () => {
      if (this.activeSegment === segment) this.#active = undefined;
      const written = this.#written.get(segment);
      const reader = this.#readers.get(segment);
      this.#written.delete(segment);
      this.#readers.delete(segment);
      this.#unlisted.delete(segment);
      await rm(this.#path(segment), { force: true });
      await Promise.all([written?.close(), closeReader(reader)]);
    });
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    await this.#inFlight.drain();
    const written = [...this.#written.values()].map((file) => file.close());
    await Promise.all([...written, ...[...this.#readers.values()].map(closeReader)]);
  }

  async #fileToAppendTo(): Promise<{ readonly name: string; readonly file: ContentPackFile }> {
    const active = this.#active;
    if (active !== undefined && !active.file.isFailed) {
      if (active.file.sizeBytes < this.#maxPackBytes) return active;
    }
    const name = randomBytes(8).toString('hex');
    try {
      const file = await ContentPackFile.create(this.#path(name));
      this.#active = { name, file };
      this.#unlisted.add(name);
      this.#written.set(name, file);
    } catch (error) {
      throw packError(error, 'create');
    }
    return this.#active;
  }

  #reader(segment: string): Promise<ContentPackFile> {
    const known = this.#readers.get(segment);
    const file = known ?? ContentPackFile.forReading(this.#path(segment));
    this.#keepOpen(segment, file);
    file.catch(() => this.#readers.delete(segment));
    return file;
  }

  #keepOpen(segment: string, file: Promise<ContentPackFile>): void {
    this.#readers.delete(segment);
    this.#readers.set(segment, file);
    const [oldest] = this.#readers;
    if (oldest === undefined || this.#readers.size <= maxOpenFiles) return;
    this.#readers.delete(oldest[0]);
    void closeReader(oldest[1]);
  }

  async #syncFolder(segments: readonly string[]): Promise<void> {
    try {
      const folder = await open(this.#directory, 'r');
      await folder.sync().finally(() => folder.close());
    } catch (error) {
      throw packError(error, 'sync');
    }
    for (const segment of segments) this.#unlisted.delete(segment);
  }

  #path(segment: string): string {
    return join(this.#directory, segment + extension);
  }

  async #run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closing !== undefined) throw storeError('DW_STORE_CLOSED');
    return this.#inFlight.run(work);
  }
}

/** A file that cannot be opened has nothing to close. */
async function closeReader(reader: Promise<ContentPackFile> | undefined): Promise<void> {
  const file = await reader?.catch(() => undefined);
  await file?.close();
}
