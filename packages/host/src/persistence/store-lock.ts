import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type DwError, makeFolder, storeError } from '@datawarehouse/sdk';
import { ClassicLevel } from 'classic-level';
import { isLocked } from './level-errors.js';

/** How long the holder of a lock may take to write down who it is. */
const holderWaitMs = 50;
const holderAttempts = 5;

/**
 * Holds a store's folder for this process.
 *
 * The files of the database are looked through before LevelDB locks them, so they need a lock of
 * their own. Node has none that dies with the process; an empty database beside them has.
 */
export class StoreLock {
  readonly #directory: string;
  readonly #guard: ClassicLevel;

  private constructor(directory: string, guard: ClassicLevel) {
    this.#directory = directory;
    this.#guard = guard;
  }

  /**
   * Makes the folder where it is missing.
   *
   * @throws DwError `DW_STORE_LOCKED`; LevelDB's own errors.
   */
  static async acquire(directory: string): Promise<StoreLock> {
    await makeFolder(directory);
    const guard = await openGuard(directory);
    const lock = new StoreLock(directory, guard);
    try {
      await writeFile(holderFile(directory), `${process.pid} ${await startOf(process.pid)}\n`);
    } catch (error) {
      await guard.close();
      throw error;
    }
    return lock;
  }

  async release(): Promise<void> {
    try {
      await rm(holderFile(this.#directory), { force: true });
    } finally {
      await this.#guard.close();
    }
  }
}

async function openGuard(directory: string): Promise<ClassicLevel> {
  const location = join(directory, 'guard');
  const guard = new ClassicLevel(location);
  try {
    await guard.open();
  } catch (error) {
    if (isLocked(error)) throw await lockedError(directory, error);
    // It holds nothing but the lock, whose file must stay the same one.
    for (const name of await readdir(location)) {
      if (name !== 'LOCK') await rm(join(location, name));
    }
    await guard.open();
  }
  return guard;
}

/** The lock does not tell who holds it; this file beside the folder does. */
function holderFile(directory: string): string {
  return `${directory}.pid`;
}

/** Says who holds the lock of a database that could not be opened. */
export async function lockedError(directory: string, cause: unknown): Promise<DwError> {
  const holderPid = await findHolder(directory);
  if (holderPid === undefined) {
    return storeError('DW_STORE_LOCKED', { cause, details: { directory } });
  }
  const isSelf = holderPid === process.pid;
  return storeError('DW_STORE_LOCKED', {
    message: `The data directory ${directory} is in use by ${isSelf ? 'this process' : `process ${holderPid}`}`,
    hint: isSelf
      ? 'Give every node its own data directory.'
      : `Stop process ${holderPid}, or give this one its own data directory.`,
    cause,
    details: { directory, holderPid },
  });
}

/** The holder may be about to write down who it is. */
async function findHolder(directory: string): Promise<number | undefined> {
  for (let attempt = 1; ; attempt += 1) {
    const pid = await readHolder(directory);
    if (pid !== undefined || attempt === holderAttempts) return pid;
    await delay(holderWaitMs);
  }
}

async function readHolder(directory: string): Promise<number | undefined> {
  const text = await readIfThere(holderFile(directory));
  const [pidText, start] = (text ?? '').trim().split(' ');
  const pid = Number(pidText);
  if (!Number.isSafeInteger(pid) || pid <= 0 || !isAlive(pid)) return undefined;
  // A process of another start has the number of one that died.
  return start === (await startOf(pid)) ? pid : undefined;
}

/** When a process began, in the kernel's own unit; `-` where the system does not tell. */
async function startOf(pid: number): Promise<string> {
  const stat = await readIfThere(`/proc/${pid}/stat`);
  // The name in parentheses may hold anything; the start is the 20th field behind it.
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '-';
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof Error) return undefined;
    throw error;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as { readonly code?: unknown }).code === 'EPERM';
  }
}
