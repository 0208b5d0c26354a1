import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { opendir, stat } from 'node:fs/promises';
import { basename, join, relative, resolve, sep } from 'node:path';
import { quickstartError } from './quickstart-errors.js';

/** A file of the folder, and where its bytes go. */
export interface SourceFile {
  readonly path: string;
  readonly namespace: string;
  readonly key: string;
  /** Whether its namespace is under the synchronous route. */
  readonly isSynchronous: boolean;
  readonly sizeBytes: number;
  /** SHA-256, lower-case hexadecimal. */
  readonly sha256: string;
}

/** Most files that one run takes; the rest of a larger folder is left out, and counted. */
const maxFiles = 20_000;

/** What a folder offers. */
export interface SourceFolder {
  readonly folder: string;
  readonly files: readonly SourceFile[];
  /** Symbolic links, devices and what is over the limit. */
  readonly leftOutCount: number;
}

/**
 * Lists the files of a folder with their digests, in the order of their paths.
 *
 * @throws DwError `DW_QUICKSTART_FOLDER`.
 */
export async function readSourceFolder(
  folder: string,
  options: { readonly signal: AbortSignal },
): Promise<SourceFolder> {
  const root = resolve(folder);
  await assertFolder(root);
  const { paths, leftOutCount } = await walk(root, options.signal);
  if (paths.length < 2) {
    throw quickstartError('DW_QUICKSTART_FOLDER', {
      message: `${root} has ${paths.length} files, and the quickstart needs two or more`,
      details: { folder: root },
    });
  }
  const isSynchronous = splitter(paths);
  const files: SourceFile[] = [];
  for (const [index, path] of paths.entries()) {
    options.signal.throwIfAborted();
    files.push(await describe(root, path, isSynchronous(path, index)));
  }
  return { folder: root, files, leftOutCount };
}

/** Declarations go under the synchronous route; without both kinds, every second file does. */
function splitter(paths: readonly string[]): (path: string, index: number) => boolean {
  const declarations = paths.filter(isDeclaration).length;
  const hasBoth = declarations > 0 && declarations < paths.length;
  return hasBoth ? isDeclaration : (_, index) => index % 2 === 0;
}

function isDeclaration(path: string): boolean {
  return /\.d\.[cm]?ts$/.test(path);
}

async function describe(root: string, path: string, isSynchronous: boolean): Promise<SourceFile> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    sizeBytes += chunk.byteLength;
  }
  const folders = relative(root, path).split(sep).slice(0, -1);
  const top = isSynchronous ? 'docs-sync' : 'docs';
  return {
    path,
    namespace: [top, basename(root), ...folders].join('/'),
    key: basename(path),
    isSynchronous,
    sizeBytes,
    sha256: hash.digest('hex'),
  };
}

async function walk(
  root: string,
  signal: AbortSignal,
): Promise<{ readonly paths: readonly string[]; readonly leftOutCount: number }> {
  const paths: string[] = [];
  let leftOutCount = 0;
  const folders = [root];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    signal.throwIfAborted();
    for await (const entry of await opendir(folder)) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) folders.push(path);
      else if (entry.isFile() && paths.length < maxFiles) paths.push(path);
      else leftOutCount += 1;
    }
  }
  return { paths: paths.sort(), leftOutCount };
}

async function assertFolder(root: string): Promise<void> {
  try {
    if ((await stat(root)).isDirectory()) return;
  } catch (cause) {
    throw quickstartError('DW_QUICKSTART_FOLDER', {
      message: `The folder ${root} cannot be read`,
      cause,
      details: { folder: root },
    });
  }
  throw quickstartError('DW_QUICKSTART_FOLDER', {
    message: `${root} is not a folder`,
    details: { folder: root },
  });
}
