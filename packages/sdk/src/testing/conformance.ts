/** Registers one test. Fits `it` of vitest, `test` of `node:test` and most other runners. */
export type ConformanceTest = (name: string, body: () => Promise<void>) => unknown;

/** Time limit of one clause where the options name none, in milliseconds. */
export const defaultTimeLimitMs = 10_000;

/** Something that a suite opens and closes. */
type Closable = Partial<AsyncDisposable>;

/**
 * Opens what a clause is about, proves the clause, and closes what was opened.
 *
 * What never settles fails in time, so that a suite ends under every runner.
 */
export async function prove<T extends Closable>(
  open: () => Promise<T>,
  clause: (subject: T) => Promise<void>,
  timeLimitMs: number,
): Promise<void> {
  const subject = await within(timeLimitMs, 'opening', open());
  const failures: unknown[] = [];
  for (const step of [
    () => within(timeLimitMs, 'the clause', clause(subject)),
    () => within(timeLimitMs, 'closing', Promise.resolve(subject[Symbol.asyncDispose]?.())),
  ]) {
    try {
      await step();
    } catch (error) {
      failures.push(error);
    }
  }
  // What closing says after a failed clause is mostly its echo.
  if (failures.length > 0) throw failures[0];
}

/** Waits for `work`, and rejects where it takes longer than the limit. */
async function within<T>(timeLimitMs: number, what: string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`${what} did not end within ${timeLimitMs} ms`));
    }, timeLimitMs);
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
  }
}
