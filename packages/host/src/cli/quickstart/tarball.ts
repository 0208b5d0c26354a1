import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { relative, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type Pack, pack } from 'tar-stream';
import type { SourceFolder } from './source-files.js';

/** A tar file. */
export interface Tarball {
  readonly path: string;
  readonly sizeBytes: number;
  /** SHA-256, lower-case hexadecimal. */
  readonly sha256: string;
}

/** Writes the files of a folder to a tar file. The same files give the same bytes. */
export async function writeTarball(
  source: SourceFolder,
  path: string,
  options: { readonly signal: AbortSignal },
): Promise<Tarball> {
  const { signal } = options;
  const hash = createHash('sha256');
  let sizeBytes = 0;
  const archive = pack();
  const measured = async function* (): AsyncGenerator<Uint8Array> {
    for await (const chunk of archive as AsyncIterable<Buffer>) {
      hash.update(chunk);
      sizeBytes += chunk.byteLength;
      yield chunk;
    }
  };
  const adding = addAll(archive, source, signal).catch((error: unknown) => {
    // Ends the reader of the archive, which would wait for ever.
    archive.destroy(error instanceof Error ? error : new Error(String(error)));
    throw error;
  });
  await Promise.all([adding, pipeline(measured, createWriteStream(path), { signal })]);
  return { path, sizeBytes, sha256: hash.digest('hex') };
}

async function addAll(archive: Pack, source: SourceFolder, signal: AbortSignal): Promise<void> {
  for (const file of source.files) {
    signal.throwIfAborted();
    const name = relative(source.folder, file.path).split(sep).join('/');
    const header = { name, size: file.sizeBytes, mtime: new Date(0) };
    await new Promise<void>((resolve, reject) => {
      const entry = archive.entry(header, (error) => {
        if (error === undefined || error === null) resolve();
        else reject(error);
      });
      entry.on('error', reject);
      createReadStream(file.path).on('error', reject).pipe(entry);
    });
  }
  archive.finalize();
}
