import { readFile } from 'node:fs/promises';

/**
 * Reads the most physical memory that a process has ever held, in bytes.
 *
 * @returns `undefined` where the system does not tell (only Linux does), or the process is gone.
 */
export async function peakMemoryBytes(pid: number): Promise<number | undefined> {
  try {
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    const kibibytes = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1];
    return kibibytes === undefined ? undefined : Number(kibibytes) * 1024;
  } catch (error) {
    if (error instanceof Error && 'code' in error) return undefined;
    throw error;
  }
}
