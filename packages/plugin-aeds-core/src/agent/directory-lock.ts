import { randomBytes } from 'node:crypto';
import { constants, copyFile, link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '@datawarehouse/sdk';
import { aedsError } from '../errors/aeds-errors.js';
import { fileError, systemCode } from '../files/file-errors.js';

/** Directories in use by agents of this process. */
const inUse = new Set<string>();

/**
 * Makes the directory, and keeps other agents away from it.
 *
 * @throws DwError `DW_AEDS_DIRECTORY_IN_USE`, `DW_AEDS_FILE_IO`.
 */
export async function lockDirectory(directory: string): Promise<AsyncDisposable> {
  const path = join(directory, 'agent.lock');
  if (inUse.has(path)) throw aedsError('DW_AEDS_DIRECTORY_IN_USE', { details: { path } });
  inUse.add(path);
  try {
    await makeFolder(directory);
    await acquire(path);
  } catch (error) {
    inUse.delete(path);
    if (systemCode(error) !== 'EEXIST') throw fileError(error, path);
    throw aedsError('DW_AEDS_DIRECTORY_IN_USE', { details: { path } });
  }
  return {
    [Symbol.asyncDispose]: async () => {
      await rm(path, { force: true });
      inUse.delete(path);
    },
  };
}

/** Puts the lock there with all that it says, so that nobody finds it half written. */
async function acquire(path: string): Promise<void> {
  const own = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    await writeFile(own, await describe(process.pid), { flag: 'wx', mode: 0o600 });
    await removeStaleLock(path, `${own}.old`);
    await link(own, path).catch(async (error: unknown) => {
      if (systemCode(error) === 'EEXIST') throw error;
      // A file system without links.
      await copyFile(own, path, constants.COPYFILE_EXCL);
    });
  } finally {
    await rm(own, { force: true });
  }
}

/** Removes the lock of an agent that is gone. */
async function removeStaleLock(path: string, aside: string): Promise<void> {
  if (await isHeld(path)) return;
  try {
    await rename(path, aside);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return;
    throw error;
  }
  // Between the look and the move another agent may have come, and locked it.
  if (await isHeld(aside)) await link(aside, path);
  await rm(aside, { force: true });
}

/** Tells whether the process that a lock names still runs, and is the one that locked. */
async function isHeld(path: string): Promise<boolean> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false;
    throw error;
  }
  const pid = Number(text.split(' ')[0]);
  if (pid === process.pid || !isRunning(pid)) return false;
  // After a restart of the machine the number may be another program's.
  return !text.includes(' ') || text === (await describe(pid));
}

function isRunning(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) === 'EPERM';
  }
}

/** Names a process by its number and, where the system tells them, its boot and start time. */
async function describe(pid: number): Promise<string> {
  try {
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8');
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The fields behind the name, which may hold blanks; the start is the 22nd of all.
    const start = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    return `${pid} ${boot.trim()} ${start}`;
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return String(pid);
  }
}
