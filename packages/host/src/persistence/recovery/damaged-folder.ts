import { link, mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';

const maxKeptFiles = 64;
const maxKeptBytes = 256 * 1024 * 1024;

/** Where broken bytes are kept aside, for whoever can still read something out of them. */
export class DamagedFolder {
  readonly path: string;
  #fileCount = 0;
  #sizeBytes = 0;

  private constructor(path: string) {
    this.path = path;
  }

  /** Looks at what the folder holds; it is made with the first file that is kept. */
  static async open(directory: string): Promise<DamagedFolder> {
    const folder = new DamagedFolder(join(directory, 'damaged'));
    for (const name of await namesIn(directory, folder.path)) {
      folder.#fileCount += 1;
      folder.#sizeBytes += (await stat(join(folder.path, name))).size;
    }
    return folder;
  }

  /**
   * Keeps a file under another name as well, or bytes of it.
   *
   * @returns the name in the folder; `undefined` where the folder is full.
   */
  async keep(file: string, name: string, bytes?: Uint8Array): Promise<string | undefined> {
    const sizeBytes = bytes?.length ?? (await stat(file)).size;
    if (this.#fileCount >= maxKeptFiles || this.#sizeBytes + sizeBytes > maxKeptBytes) {
      return undefined;
    }
    const kept = `${new Date().toISOString().replace(/\W/g, '')}-${this.#fileCount}-${name}`;
    const path = join(this.path, kept);
    await mkdir(this.path, { recursive: true });
    await (bytes === undefined ? link(file, path) : writeFile(path, bytes));
    this.#fileCount += 1;
    this.#sizeBytes += sizeBytes;
    return kept;
  }
}

async function namesIn(parent: string, folder: string): Promise<readonly string[]> {
  return (await readdir(parent)).includes(basename(folder)) ? await readdir(folder) : [];
}
