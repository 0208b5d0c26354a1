import { type Clock, pluginError, systemClock, withTimeLimit } from '@datawarehouse/sdk';
import { hostError } from '../errors/host-errors.js';

type Resource = Disposable | AsyncDisposable;

/** Options of a {@link ResourceStack}. */
export interface ResourceStackOptions {
  /** Whose it is, for errors. */
  readonly owner: string;
  /** Time that all resources together may take to close. Default: no limit. */
  readonly limitMs?: number;
  readonly clock?: Clock;
  /** Told of a resource that came too late and could not be closed. */
  readonly onDidFail?: (error: unknown) => void;
}

/** Least time that one resource gets, however little is left for all. */
const leastLimitMs = 100;

/** Closes what it owns in reverse order, and goes on past failures. */
export class ResourceStack implements AsyncDisposable {
  readonly #resources = new Set<Resource>();
  readonly #options: ResourceStackOptions;
  #closing: Promise<void> | undefined;

  constructor(options: ResourceStackOptions) {
    this.#options = options;
  }

  /**
   * Takes a resource over.
   *
   * @throws DwError `DW_PLUGIN_STOPPED`; the resource is closed at once then.
   */
  own<T extends Resource>(resource: T): T {
    if (this.#closing === undefined) {
      this.#resources.add(resource);
      return resource;
    }
    dispose(resource).catch((error: unknown) => this.#options.onDidFail?.(error));
    throw pluginError('DW_PLUGIN_STOPPED', {
      message: `${this.#options.owner} has been stopped, and can open nothing more`,
    });
  }

  /** Takes a resource over that may be disposed earlier, and is forgotten then. */
  lend(resource: Disposable): Disposable {
    this.own(resource);
    return {
      [Symbol.dispose]: () => {
        if (this.#resources.delete(resource)) resource[Symbol.dispose]();
      },
    };
  }

  /**
   * Closes everything.
   *
   * @throws AggregateError of all failures.
   */
  close(): Promise<void> {
    this.#closing ??= this.#closeAll();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #closeAll(): Promise<void> {
    const errors: unknown[] = [];
    const { limitMs = Number.POSITIVE_INFINITY, clock = systemClock } = this.#options;
    const endsAtMs = clock.monotonicMs() + limitMs;
    for (const resource of [...this.#resources].reverse()) {
      // An earlier one may have disposed it by itself.
      if (!this.#resources.delete(resource)) continue;
      try {
        const remainingMs = Math.max(leastLimitMs, endsAtMs - clock.monotonicMs());
        await this.#closeOne(resource, remainingMs);
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length === 0) return;
    throw new AggregateError(
      errors,
      `${this.#options.owner}: ${errors.length} resources did not close`,
    );
  }

  async #closeOne(resource: Resource, limitMs: number): Promise<void> {
    if (!Number.isFinite(limitMs)) {
      await dispose(resource);
      return;
    }
    const { clock = systemClock, owner } = this.#options;
    const name = resource.constructor.name;
    const error = (): Error =>
      hostError('DW_PLUGIN_TIMEOUT', {
        message: `${owner}: a resource (${name}) did not close within ${Math.ceil(limitMs)} ms`,
      });
    await withTimeLimit(() => dispose(resource), { limitMs, clock, error });
  }
}

async function dispose(resource: Resource): Promise<void> {
  if (Symbol.asyncDispose in resource) await resource[Symbol.asyncDispose]();
  else resource[Symbol.dispose]();
}
