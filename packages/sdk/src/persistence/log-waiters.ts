interface Waiter {
  readonly after: number;
  readonly resolve: () => void;
  readonly reject: (reason: Error) => void;
}

/** Those who wait for a log to grow. */
export class LogWaiters {
  readonly #waiters = new Set<Waiter>();

  /** Resolves at the first {@link wake} with a head beyond `after`. */
  wait(after: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        waiter.reject(signal?.reason as Error);
      };
      const leave = (): void => {
        this.#waiters.delete(waiter);
        signal?.removeEventListener('abort', onAbort);
      };
      const waiter: Waiter = {
        after,
        resolve: () => {
          leave();
          resolve();
        },
        reject: (reason) => {
          leave();
          reject(reason);
        },
      };
      this.#waiters.add(waiter);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  wake(headSequence: number): void {
    for (const waiter of [...this.#waiters]) {
      if (headSequence > waiter.after) waiter.resolve();
    }
  }

  rejectAll(reason: Error): void {
    for (const waiter of [...this.#waiters]) waiter.reject(reason);
  }
}
