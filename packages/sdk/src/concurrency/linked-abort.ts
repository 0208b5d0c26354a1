import { setMaxListeners } from 'node:events';
import { SdkCompatibility } from '../compatibility/sdk-compatibility.js';
import { type Clock, systemClock } from '../plugin/clock.js';

/** Options of {@link LinkedAbort.abortAfter}. */
export interface AbortAfterOptions {
  /** @defaultValue the machine's clock */
  readonly clock?: Clock;
  /**
   * Makes the reason of the abort, when the time is over.
   * @defaultValue a `DOMException` named `TimeoutError`
   */
  readonly reason?: () => unknown;
}

/**
 * A signal that is aborted with the first of others, by itself, or by time, and that lets go of them
 * all when disposed.
 *
 * `AbortSignal.any` leaves something behind in each of its sources for as long as they live; this
 * leaves nothing in signals that live as long as the process. Any number may listen to it.
 */
@SdkCompatibility('6.0.0')
export class LinkedAbort implements Disposable {
  readonly #controller = new AbortController();
  readonly #sources: AbortSignal[] = [];
  #timer: Disposable | undefined;
  readonly #follow = (event: Event): void => {
    this.abort((event.target as AbortSignal).reason);
  };

  /** @param sources - Signals to follow; of several that are aborted already the first counts. */
  constructor(...sources: readonly (AbortSignal | undefined)[]) {
    setMaxListeners(0, this.#controller.signal);
    for (const source of sources) {
      if (source === undefined) continue;
      if (source.aborted) {
        this.abort(source.reason);
        break;
      }
      source.addEventListener('abort', this.#follow, { once: true });
      this.#sources.push(source);
    }
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Aborts the signal alone; its sources stay as they are. The first reason stays. */
  abort(reason?: unknown): void {
    this.#letGo();
    this.#controller.abort(reason);
  }

  /**
   * Aborts the signal after some time, unless disposed before. A second call takes the place of the
   * first.
   *
   * @param delayMs - Milliseconds from now.
   */
  abortAfter(delayMs: number, options: AbortAfterOptions = {}): void {
    const { clock = systemClock, reason = timeIsOver } = options;
    this.#timer?.[Symbol.dispose]();
    if (this.signal.aborted) return;
    this.#timer = clock.setTimeout(() => {
      this.abort(reason());
    }, delayMs);
  }

  /** Lets go of sources and timer. The signal stays as it is. */
  [Symbol.dispose](): void {
    this.#letGo();
  }

  #letGo(): void {
    for (const source of this.#sources) source.removeEventListener('abort', this.#follow);
    this.#sources.length = 0;
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
  }
}

function timeIsOver(): DOMException {
  return new DOMException('The time limit is over', 'TimeoutError');
}
