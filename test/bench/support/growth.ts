import { fork } from 'node:child_process';
import { once } from 'node:events';

/** Bytes by which a process of its own grows at most, while it does the work of that name. */
export async function growthBytes(work: 'log' | 'cache' | 'both'): Promise<number> {
  const child = fork(new URL('../memory.main.js', import.meta.url), [work]);
  let bytes: unknown;
  child.on('message', (message) => {
    bytes = message;
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0 || typeof bytes !== 'number') throw new Error(`The work "${work}" failed`);
  return bytes;
}
