import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { CONTENT_CHUNK_BYTES, makeFolder } from '@datawarehouse/sdk';
import { aedsError } from '../errors/aeds-errors.js';
import { fileError } from '../files/file-errors.js';
import type { ChunkPlan, ChunkRun } from './chunk-plan.js';

/** A payload in the making: a file in quarantine, which chunks are written into in any order. */
export class PartFile implements AsyncDisposable {
  readonly path: string;
  readonly #file: FileHandle;
  readonly #plan: ChunkPlan;
  #isNew = false;

  private constructor(path: string, file: FileHandle, plan: ChunkPlan) {
    this.path = path;
    this.#file = file;
    this.#plan = plan;
  }

  /** Opens the part that an earlier attempt left in the folder, or begins one. */
  static async open(directory: string, plan: ChunkPlan): Promise<PartFile> {
    const path = join(directory, 'payload.part');
    try {
      await makeFolder(directory);
      const { O_RDWR, O_CREAT, O_NOFOLLOW } = constants;
      const file = await open(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0o600);
      const part = new PartFile(path, file, plan);
      await part.#resize();
      return part;
    } catch (error) {
      throw fileError(error, path);
    }
  }

  /** Indices of the chunks that are not there yet, by what the bytes are, whoever wrote them. */
  async missingChunks(signal: AbortSignal): Promise<readonly number[]> {
    if (this.#isNew) return Array.from({ length: this.#plan.chunkCount }, (_, index) => index);
    const missing: number[] = [];
    const buffer = Buffer.allocUnsafe(CONTENT_CHUNK_BYTES);
    for (let index = 0; index < this.#plan.chunkCount; index += 1) {
      signal.throwIfAborted();
      const { start, end } = this.#plan.rangeOf({ first: index, count: 1 });
      const chunk = buffer.subarray(0, await this.#read(buffer, start, end - start));
      if (!this.#plan.isChunk(index, chunk)) missing.push(index);
    }
    return missing;
  }

  /** Refuses early what will not fit. */
  async assertRoomFor(bytes: number): Promise<void> {
    const { bavail, bsize } = await statfs(this.path);
    if (bavail * bsize >= bytes) return;
    throw aedsError('DW_AEDS_DISK_FULL', { details: { neededBytes: bytes } });
  }

  /** Writes a run that was verified. */
  async write(run: ChunkRun, data: Uint8Array): Promise<void> {
    try {
      let written = 0;
      const { start } = this.#plan.rangeOf(run);
      while (written < data.byteLength) {
        const rest = data.byteLength - written;
        written += (await this.#file.write(data, written, rest, start + written)).bytesWritten;
      }
    } catch (error) {
      throw fileError(error, this.path);
    }
  }

  /**
   * Syncs the file, reads all of it once more, and compares it with the hash of the whole.
   *
   * @throws DwError `DW_AEDS_PAYLOAD_MISMATCH`.
   */
  async finish(contentHash: string, signal: AbortSignal): Promise<void> {
    try {
      await this.#file.sync();
      const hash = createHash('sha256');
      const buffer = Buffer.allocUnsafe(16 * CONTENT_CHUNK_BYTES);
      for (let at = 0; at < this.#plan.sizeBytes; ) {
        signal.throwIfAborted();
        const length = await this.#read(buffer, at, buffer.byteLength);
        if (length === 0) break;
        hash.update(buffer.subarray(0, length));
        at += length;
      }
      if (`sha256:${hash.digest('hex')}` === contentHash) return;
    } catch (error) {
      throw fileError(error, this.path);
    }
    throw aedsError('DW_AEDS_PAYLOAD_MISMATCH', {
      message: 'The whole payload does not match the manifest, although its chunks do',
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }

  async #resize(): Promise<void> {
    const { size } = await this.#file.stat();
    this.#isNew = size === 0;
    if (size !== this.#plan.sizeBytes) await this.#file.truncate(this.#plan.sizeBytes);
  }

  async #read(buffer: Uint8Array, position: number, length: number): Promise<number> {
    const { bytesRead } = await this.#file.read(buffer, 0, length, position);
    return bytesRead;
  }
}

/** Removes what is left of a download. */
export async function removeQuarantine(directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true });
}
