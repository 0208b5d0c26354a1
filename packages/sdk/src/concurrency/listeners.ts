/** The listeners of one event. One that throws neither stops the others nor the caller. */
export class Listeners<TEvent> {
  readonly #listeners = new Set<{ readonly call: (event: TEvent) => void }>();
  readonly #eventName: string;

  /** @param eventName - Name for the warning about a listener that throws: `onDidTruncate`. */
  constructor(eventName: string) {
    this.#eventName = eventName;
  }

  get size(): number {
    return this.#listeners.size;
  }

  /** Adds a listener until disposed. */
  add(listener: (event: TEvent) => void): Disposable {
    const entry = { call: listener };
    this.#listeners.add(entry);
    return {
      [Symbol.dispose]: () => {
        this.#listeners.delete(entry);
      },
    };
  }

  /** Calls every listener. Call it last, when the state is whole again. */
  emit(event: TEvent): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener.call(event);
      } catch (error) {
        this.#warn(error);
      }
    }
  }

  clear(): void {
    this.#listeners.clear();
  }

  #warn(error: unknown): void {
    process.emitWarning(`A listener of ${this.#eventName} threw`, {
      type: 'DataWarehouseListener',
      detail: error instanceof Error ? (error.stack ?? error.message) : String(error),
    });
  }
}
