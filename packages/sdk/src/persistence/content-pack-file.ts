import { type FileHandle, open } from 'node:fs/promises';
import { InFlight } from '../concurrency/in-flight.js';
import { storeError } from '../errors/store-errors.js';

/** One append-only file. */
export class ContentPackFile {
  readonly #handle: FileHandle;
  #sizeBytes: number;
  #isDirty = false;
  #failure: unknown;
  readonly #inFlight = new InFlight();
  #syncing: Promise<void> = Promise.resolve();
  #closing: Promise<void> | undefined;

  private constructor(handle: FileHandle, sizeBytes: number) {
    this.#handle = handle;
    this.#sizeBytes = sizeBytes;
  }

  static async create(path: string): Promise<ContentPackFile> {
    return new ContentPackFile(await open(path, 'wx+', 0o600), 0);
  }

  static async forReading(path: string): Promise<ContentPackFile> {
    const handle = await open(path, 'r');
    return new ContentPackFile(handle, (await handle.stat()).size);
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Whether nothing more may be appended. */
  get isFailed(): boolean {
    return this.#failure !== undefined;
  }

  /** Whether nothing may be read or synced any more. */
  get isClosed(): boolean {
    return this.#closing !== undefined;
  }

  /** Appends the pieces end to end. Returns where the first one begins. */
  async append(pieces: readonly Uint8Array[]): Promise<number> {
    return this.#inFlight.run(async () => {
      const start = this.#sizeBytes;
      try {
        let rest = pieces;
        for (let at = start; rest.length > 0; ) {
          const { bytesWritten } = await this.#handle.writev(rest, at);
          if (bytesWritten === 0) throw new Error('Nothing was written');
          at += bytesWritten;
          rest = behind(rest, bytesWritten);
        }
      } catch (error) {
        this.#failure = error;
        throw packError(error, 'append');
      }
      this.#sizeBytes = pieces.reduce((end, { byteLength }) => end + byteLength, start);
      this.#isDirty = true;
      return start;
    });
  }

  /** Once this has failed it always fails: the system may have dropped what it could not write. */
  sync(): Promise<void> {
    this.#syncing = this.#syncing.then(() => this.#inFlight.run(() => this.#sync()));
    const synced = this.#syncing;
    this.#syncing = synced.catch(() => undefined);
    return synced;
  }

  async read(offset: number, sizeBytes: number): Promise<Uint8Array | undefined> {
    return this.#inFlight.run(async () => {
      const data = new Uint8Array(sizeBytes);
      let at = 0;
      while (at < sizeBytes) {
        const { bytesRead } = await this.#handle.read(data, at, sizeBytes - at, offset + at);
        if (bytesRead === 0) return undefined;
        at += bytesRead;
      }
      return data;
    });
  }

  /** Waits for whoever uses it. */
  close(): Promise<void> {
    this.#closing ??= this.#inFlight.drain().then(() => this.#handle.close());
    return this.#closing;
  }

  async #sync(): Promise<void> {
    if (this.#failure !== undefined) throw packError(this.#failure, 'sync');
    if (!this.#isDirty) return;
    this.#isDirty = false;
    try {
      await this.#handle.datasync();
    } catch (error) {
      this.#failure = error;
      throw packError(error, 'sync');
    }
  }
}

/** What is left of the pieces behind their first bytes. */
function behind(pieces: readonly Uint8Array[], bytes: number): readonly Uint8Array[] {
  let skipped = bytes;
  let index = 0;
  for (const { byteLength } of pieces) {
    if (byteLength > skipped) break;
    skipped -= byteLength;
    index += 1;
  }
  const [first, ...others] = pieces.slice(index);
  return first === undefined ? [] : [first.subarray(skipped), ...others];
}

/** The error that a medium rejects with. */
export function packError(error: unknown, action: string): Error {
  const cause = error as NodeJS.ErrnoException;
  const isFull = cause.code === 'ENOSPC' || cause.code === 'EDQUOT' || cause.code === 'EFBIG';
  return storeError(isFull ? 'DW_STORE_FULL' : 'DW_STORE_IO', {
    cause,
    details: { action, ...(cause.code !== undefined && { reason: cause.code }) },
  });
}

/** Whether a file is not there. */
export function isAbsent(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}
