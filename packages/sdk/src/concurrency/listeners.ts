import { SdkCompatibility } from '../compatibility/sdk-compatibility.js';

/** Options of {@link Listeners}. */
export interface ListenersOptions {
  /**
   * Told what a listener threw; must not throw itself.
   * @defaultValue a warning of the process, named `DataWarehouseListener`
   */
  readonly onError?: (error: unknown) => void;
}

/** The listeners of one event. One that throws neither stops the others nor the caller. */
@SdkCompatibility('6.0.0')
export class Listeners<TEvent> {
  readonly #listeners = new Set<{ readonly call: (event: TEvent) => void }>();
  readonly #eventName: string;
  readonly #onError: (error: unknown) => void;

  /** @param eventName - Name for the warning about a listener that throws: `onDidTruncate`. */
  constructor(eventName: string, options: ListenersOptions = {}) {
    this.#eventName = eventName;
    this.#onError = options.onError ?? ((error) => this.#warn(error));
  }

  /** How many listen. */
  get size(): number {
    return this.#listeners.size;
  }

  /** Adds a listener until disposed; the same function twice is two listeners. */
  add(listener: (event: TEvent) => void): Disposable {
    const entry = { call: listener };
    this.#listeners.add(entry);
    return {
      [Symbol.dispose]: () => {
        this.#listeners.delete(entry);
      },
    };
  }

  /** Calls every listener that is there now, in order. Call it last, when the state is whole again. */
  emit(event: TEvent): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener.call(event);
      } catch (error) {
        this.#onError(error);
      }
    }
  }

  /** Lets go of all listeners. */
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
