import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { access, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '@datawarehouse/sdk';
import { hostError } from '../errors/host-errors.js';
import { replaceFile } from './replace-file.js';

/** What a running node leaves for the command line, in `node.json`. */
export interface NodeFile {
  readonly nodeId: string;
  readonly endpoint: string;
  readonly pid: number;
  /** ISO 8601. */
  readonly startedAt: string;
}

const tokenPattern = /^[\x21-\x7e]{16,}$/;

/** The folder of a node's state, open to its own user only. */
export class DataDirectory {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /**
   * Makes the folder where it is missing.
   *
   * @throws DwError `DW_HOST_DATA_DIRECTORY`.
   */
  static async open(path: string): Promise<DataDirectory> {
    await attempt(path, async () => {
      await makeFolder(path);
      await access(path, constants.R_OK | constants.W_OK | constants.X_OK);
    });
    return new DataDirectory(path);
  }

  /** Folder of the backing store. */
  get storeDirectory(): string {
    return join(this.path, 'store');
  }

  /** Makes the folder of a plugin's own files. */
  async pluginDirectory(pluginId: string): Promise<string> {
    const directory = join(this.path, 'plugins', pluginId);
    await attempt(directory, () => makeFolder(directory));
    return directory;
  }

  /**
   * Returns the access token: the configured one, the kept one, or a new one. The file always
   * holds the one that counts.
   *
   * @throws DwError `DW_HOST_TOKEN`, `DW_HOST_DATA_DIRECTORY`.
   */
  async token(configured: string | undefined): Promise<string> {
    const file = join(this.path, 'token');
    const kept = await attempt(file, () => readIfThere(file));
    if (configured === undefined && kept !== undefined) {
      const token = kept.trim();
      if (tokenPattern.test(token)) return token;
      throw hostError('DW_HOST_TOKEN', {
        message: `The access token file ${file} is malformed`,
        details: { file },
      });
    }
    const token = configured ?? randomBytes(32).toString('base64url');
    if (kept?.trim() !== token) await attempt(file, () => replaceFile(file, `${token}\n`));
    return token;
  }

  /** Says to the command line where the node is. */
  async writeNodeFile(content: NodeFile): Promise<void> {
    const file = join(this.path, 'node.json');
    await attempt(file, () => replaceFile(file, `${JSON.stringify(content, undefined, 2)}\n`));
  }

  async removeNodeFile(): Promise<void> {
    const file = join(this.path, 'node.json');
    await attempt(file, () => rm(file, { force: true }));
  }
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

async function attempt<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw hostError('DW_HOST_DATA_DIRECTORY', {
      message: `The data directory cannot be used: ${reason}`,
      cause,
      details: { path },
    });
  }
}
