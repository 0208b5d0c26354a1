import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, DwError, KeyedMutex } from '@datawarehouse/sdk';
import { replicationError } from '../../errors/replication-errors.js';
import { damaged } from './bundle-format.js';
import type { BundleImporter, ImportOptions, ImportOutcome } from './bundle-importer.js';

/** What {@link BundleUploads} work with. */
export interface BundleUploadsOptions {
  /** Where uploads are kept until they are imported. */
  readonly folder: string;
  readonly importer: BundleImporter;
  readonly clock: Clock;
  /** Most bytes of one upload. */
  readonly maxBytes: number;
}

/** Where an upload is. */
export interface UploadState {
  readonly state: 'uploading' | 'verifying' | 'applying';
  readonly receivedBytes: number;
  /** Percent of the present state, while it is imported. */
  readonly progress: number;
}

/** Refusals that importing the same bytes again would meet again. */
const lasting: ReadonlySet<string> = new Set([
  'DW_REPLICATION_BUNDLE_DAMAGED',
  'DW_REPLICATION_BUNDLE_UNTRUSTED',
  'DW_REPLICATION_BUNDLE_MISDIRECTED',
  'DW_REPLICATION_BUNDLE_GAP',
]);

const maxUploads = 16;
const maxAgeMs = 7 * 86_400_000;

/** Takes bundles in piece by piece, each named by its SHA-256, and imports them when complete. */
export class BundleUploads {
  readonly #options: BundleUploadsOptions;
  readonly #lock = new KeyedMutex();
  readonly #importing = new Map<string, Pick<UploadState, 'state' | 'progress'>>();

  constructor(options: BundleUploadsOptions) {
    this.#options = options;
  }

  /** Tells where an upload is; one that is unknown has received nothing. */
  async state(id: string): Promise<UploadState> {
    const receivedBytes = await sizeOf(this.#path(id));
    return { state: 'uploading', progress: 0, receivedBytes, ...this.#importing.get(id) };
  }

  /**
   * Adds bytes to an upload. What arrived before a failure is kept.
   *
   * @param offset - Where they begin: where the upload is.
   * @throws {@link DwError} `DW_REPLICATION_BUNDLE_UPLOAD`.
   */
  async append(
    id: string,
    offset: number,
    body: AsyncIterable<Uint8Array>,
    signal?: AbortSignal,
  ): Promise<UploadState> {
    await this.#lock.run(id, async () => {
      await this.#makeRoom(id);
      const path = this.#path(id);
      const receivedBytes = await sizeOf(path);
      if (offset !== receivedBytes) throw misplaced(offset, receivedBytes);
      await using file = await open(path, 'a');
      let sizeBytes = receivedBytes;
      for await (const piece of body) {
        signal?.throwIfAborted();
        sizeBytes += piece.byteLength;
        if (sizeBytes > this.#options.maxBytes) {
          throw replicationError('DW_REPLICATION_BUNDLE_UPLOAD', {
            message: `The bundle is longer than ${this.#options.maxBytes} bytes`,
            retryable: false,
          });
        }
        await file.writeFile(piece);
      }
    });
    return this.state(id);
  }

  /**
   * Imports a complete upload, and lets go of it: also where it is refused for good.
   *
   * @throws {@link DwError} as {@link BundleImporter.import} does.
   */
  import(id: string, options: ImportOptions): Promise<ImportOutcome> {
    return this.#lock.run(id, async () => {
      const path = this.#path(id);
      try {
        this.#importing.set(id, { state: 'verifying', progress: 0 });
        if ((await digestOf(path)) !== id) throw damaged('it is not the file that was announced');
        const outcome = await this.#options.importer.import(path, {
          ...options,
          onProgress: (state, ratio) => {
            this.#importing.set(id, { state, progress: Math.floor(ratio * 100) });
          },
        });
        await rm(path, { force: true });
        return outcome;
      } catch (error) {
        if (DwError.is(error) && lasting.has(error.code)) await rm(path, { force: true });
        throw error;
      } finally {
        this.#importing.delete(id);
      }
    });
  }

  /** Removes uploads that nobody went on with; the oldest go where there are too many. */
  async #makeRoom(id: string): Promise<void> {
    const { folder, clock } = this.#options;
    await mkdir(folder, { recursive: true });
    const uploads: { readonly path: string; readonly changedMs: number }[] = [];
    for (const name of await readdir(folder)) {
      const path = join(folder, name);
      if (path === this.#path(id) || this.#importing.has(name)) continue;
      uploads.push({ path, changedMs: (await stat(path)).mtimeMs });
    }
    uploads.sort((a, b) => b.changedMs - a.changedMs);
    for (const [index, { path, changedMs }] of uploads.entries()) {
      const isOld = clock.now() - changedMs > maxAgeMs;
      if (isOld || index >= maxUploads - 1) await rm(path, { force: true });
    }
  }

  #path(id: string): string {
    if (!/^[0-9a-f]{64}$/.test(id)) {
      throw replicationError('DW_REPLICATION_INVALID_QUERY', {
        message: 'An upload is named by its SHA-256 in lower-case hexadecimal',
      });
    }
    return join(this.#options.folder, id);
  }
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return 0;
    throw error;
  }
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  if ((await sizeOf(path)) === 0) return '';
  for await (const piece of createReadStream(path) as AsyncIterable<Buffer>) hash.update(piece);
  return hash.digest('hex');
}

function misplaced(offset: number, receivedBytes: number): Error {
  return replicationError('DW_REPLICATION_BUNDLE_UPLOAD', {
    message: `The upload is at ${receivedBytes}, not at ${offset}`,
    details: { offset, receivedBytes },
  });
}
