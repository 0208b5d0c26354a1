import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { lstat, open, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeFolder } from '@datawarehouse/sdk';
import { aedsError } from '../errors/aeds-errors.js';
import { syncDirectory } from '../files/atomic-file.js';
import { fileError, systemCode } from '../files/file-errors.js';
import { assertSafeFileName } from '../files/safe-file-name.js';

/** Where a payload goes: a folder of the directory of files, and a name in it. */
export interface Place {
  readonly folder: string;
  readonly name: string;
}

/** Names a place, for the journal and for people. */
export function placeName({ folder, name }: Place): string {
  return `${folder}/${name}`;
}

/** The path of a place. @throws DwError `DW_AEDS_FILE_NAME_UNSAFE`. */
export function placePath({ folder, name }: Place, filesDirectory: string): string {
  assertSafeFileName(folder);
  assertSafeFileName(name);
  return join(filesDirectory, folder, name);
}

/** Reports whether a regular file is there that has exactly the payload's bytes. */
export async function isFileOf(
  path: string,
  payload: { readonly sizeBytes: number; readonly contentHash: string },
): Promise<boolean> {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      const stats = await file.stat();
      if (!stats.isFile() || stats.size !== payload.sizeBytes) return false;
      const hash = createHash('sha256');
      for await (const piece of file.createReadStream({ autoClose: false })) {
        hash.update(piece as Uint8Array);
      }
      return `sha256:${hash.digest('hex')}` === payload.contentHash;
    } finally {
      await file.close();
    }
  } catch (error) {
    // Absent, a link, or not for us to read: then it is to be put there.
    if (systemCode(error) !== undefined) return false;
    throw error;
  }
}

/**
 * Puts a verified, synced file into its place by rename, instead of what was there.
 *
 * @throws DwError `DW_AEDS_FILE_NAME_UNSAFE`, `DW_AEDS_DISK_FULL`, `DW_AEDS_FILE_IO`.
 */
export async function placePayload(
  verified: string,
  place: Place,
  filesDirectory: string,
): Promise<void> {
  const path = placePath(place, filesDirectory);
  const folder = dirname(path);
  try {
    await makeFolder(folder);
    // A link that somebody put here would lead the file out of the directory.
    if (!(await lstat(folder)).isDirectory()) {
      throw aedsError('DW_AEDS_FILE_IO', {
        message: `${folder} is not a folder`,
        details: { path: folder },
      });
    }
    await rename(verified, path);
    await syncDirectory(folder);
    await syncDirectory(filesDirectory);
  } catch (error) {
    throw fileError(error, path);
  }
}
