import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { relative, sep } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Pack, pack } from 'tar-stream';
import type { SourceFolder } from './source-files.js';

/** A tar file and what is in it. */
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
  const hash = createHash('sha256');
  let sizeBytes = 0;
  const measure = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      sizeBytes += chunk.byteLength;
      done(undefined, chunk);
    },
  });
  const archive = pack();
  const { signal } = options;
  const writing = pipeline(archive, measure, createWriteStream(path, { flags: 'wx' }), { signal });
  await Promise.all([addAll(archive, source, signal), writing]);
  return { path, sizeBytes, sha256: hash.digest('hex') };
}

async function addAll(archive: Pack, source: SourceFolder, signal: AbortSignal): Promise<void> {
  for (const file of source.files) {
    const name = relative(source.folder, file.path).split(sep).join('/');
    const entry = archive.entry({ name, size: file.sizeBytes, mtime: new Date(0) });
    await pipeline(createReadStream(file.path), entry, { signal });
  }
  archive.finalize();
}
