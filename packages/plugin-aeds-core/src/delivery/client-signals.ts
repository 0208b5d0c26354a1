/** Wakes the open polls of clients. A client has one; a newer poll ends the older one's wait. */
export class ClientSignals {
  readonly #waiting = new Map<string, () => void>();
  #isClosed = false;

  /** Polls that wait now. */
  get size(): number {
    return this.#waiting.size;
  }

  notify(clientId: string): void {
    this.#waiting.get(clientId)?.();
  }

  /** Ends every wait, now and from now on. */
  close(): void {
    this.#isClosed = true;
    for (const wake of [...this.#waiting.values()]) wake();
  }

  /**
   * Begins to listen, so that no signal is missed while the caller looks for work.
   *
   * @returns `next` resolves at the next signal, when time is over, or when the signal aborts.
   */
  listen(clientId: string): ClientListener {
    let isSignalled = false;
    let resolveNext: () => void = () => undefined;
    const wake = (): void => {
      isSignalled = true;
      resolveNext();
    };
    this.notify(clientId);
    this.#waiting.set(clientId, wake);
    return {
      next: (signal) =>
        new Promise((resolve) => {
          const finish = (): void => {
            signal.removeEventListener('abort', finish);
            isSignalled = false;
            resolve();
          };
          resolveNext = finish;
          if (isSignalled || signal.aborted) finish();
          else signal.addEventListener('abort', finish, { once: true });
        }),
      isOver: () => this.#isClosed || this.#waiting.get(clientId) !== wake,
      [Symbol.dispose]: () => {
        if (this.#waiting.get(clientId) === wake) this.#waiting.delete(clientId);
      },
    };
  }
}

/** One poll's ear. */
export interface ClientListener extends Disposable {
  next(signal: AbortSignal): Promise<void>;
  /** Whether a newer poll of the client has taken over, or nobody may wait any more. */
  isOver(): boolean;
}
