import { readdir, readFile } from 'node:fs/promises';

/** Milliseconds of one tick of /proc: the kernel counts 100 a second on every platform of ours. */
const tickMs = 10;

async function statOf(pid: number): Promise<{ readonly parent: number; readonly ticks: number }> {
  const text = await readFile(`/proc/${pid}/stat`, 'latin1');
  // The name may hold anything, blanks and brackets too.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [, parent] = fields.map(Number);
  // utime, stime, and those of children that have ended.
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  return { parent: parent ?? 0, ticks };
}

/** Time that a process and its children have taken of the processors, in milliseconds. */
export async function processorMs(pid: number): Promise<number> {
  let { ticks } = await statOf(pid);
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const stat = await statOf(Number(name)).catch(() => undefined);
    if (stat?.parent === pid) ticks += stat.ticks;
  }
  return ticks * tickMs;
}
