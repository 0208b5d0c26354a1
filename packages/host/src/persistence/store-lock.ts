import { readFile, rm, writeFile } from 'node:fs/promises';
import { type DwError, storeError } from '@datawarehouse/sdk';

/** LevelDB's lock does not tell who holds it; this file beside the database does. */
function holderFile(directory: string): string {
  return `${directory}.pid`;
}

/** Writes down that this process has the database open. */
export async function recordHolder(directory: string): Promise<void> {
  await writeFile(holderFile(directory), `${process.pid}\n`);
}

/** Removes what {@link recordHolder} wrote. */
export async function forgetHolder(directory: string): Promise<void> {
  await rm(holderFile(directory), { force: true });
}

/** Says who holds the lock of a database that could not be opened. */
export async function lockedError(directory: string, cause: unknown): Promise<DwError> {
  const holderPid = await readHolder(directory);
  if (holderPid === undefined)
    return storeError('DW_STORE_LOCKED', { cause, details: { directory } });
  const who = holderPid === process.pid ? 'this process' : `process ${holderPid}`;
  return storeError('DW_STORE_LOCKED', {
    message: `The data directory ${directory} is in use by ${who}`,
    hint:
      holderPid === process.pid
        ? 'Give every node its own data directory.'
        : `Stop process ${holderPid}, or give this one its own data directory.`,
    cause,
    details: { directory, holderPid },
  });
}

async function readHolder(directory: string): Promise<number | undefined> {
  let text: string;
  try {
    text = await readFile(holderFile(directory), 'utf8');
  } catch (error) {
    if (error instanceof Error) return undefined;
    throw error;
  }
  const pid = Number(text.trim());
  return Number.isSafeInteger(pid) && pid > 0 && isAlive(pid) ? pid : undefined;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as { readonly code?: unknown }).code === 'EPERM';
  }
}
