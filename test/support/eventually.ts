import { setTimeout as wait } from 'node:timers/promises';

/**
 * Tries until `check` returns something truthy, and returns it.
 *
 * For what another process does in its own time; within one process wait for its signal.
 */
export async function eventually<T>(
  what: string,
  check: () => Promise<T | undefined | false>,
  timeoutMs = 30_000,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  let last: unknown;
  for (;;) {
    try {
      const found = await check();
      if (found !== undefined && found !== false) return found;
    } catch (error) {
      last = error;
    }
    if (performance.now() > deadline) {
      throw new Error(`Not within ${timeoutMs} ms: ${what}`, { cause: last });
    }
    await wait(25);
  }
}
