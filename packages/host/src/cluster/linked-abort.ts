import { setMaxListeners } from 'node:events';

/** A signal that as many may listen to as there are calls under way. */
export function sharedAbort(): AbortController {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  return controller;
}

/**
 * A signal that is aborted with the first of several, and lets go of them when disposed:
 * `AbortSignal.any` keeps long-lived sources busy for as long as they live.
 */
export class LinkedAbort implements Disposable {
  readonly #controller = new AbortController();
  readonly #links: { readonly source: AbortSignal; readonly listener: () => void }[] = [];

  constructor(...sources: readonly (AbortSignal | undefined)[]) {
    for (const source of sources) {
      if (source === undefined) continue;
      if (source.aborted) {
        this.abort(source.reason);
        break;
      }
      const listener = (): void => this.abort(source.reason);
      source.addEventListener('abort', listener, { once: true });
      this.#links.push({ source, listener });
    }
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  abort(reason: unknown): void {
    this.#controller.abort(reason);
  }

  [Symbol.dispose](): void {
    for (const { source, listener } of this.#links) source.removeEventListener('abort', listener);
    this.#links.length = 0;
  }
}
