import { pluginError } from '../errors/plugin-errors.js';
import type { PluginScope } from '../plugin/plugin-context.js';

type Resource = Disposable | AsyncDisposable;

/** Owns what a plugin opens, and closes it in reverse order, going on past failures. */
export class ResourceScope implements PluginScope, AsyncDisposable {
  readonly #resources = new Set<Resource>();
  #isClosed = false;

  own<T extends Resource>(resource: T): T {
    if (this.#isClosed) {
      void this.#closeLate(resource);
      throw pluginError('DW_PLUGIN_STOPPED');
    }
    this.#resources.add(resource);
    return resource;
  }

  /** Owns `resource`, and forgets it when it is disposed before the scope is. */
  ownUntilDisposed(resource: Disposable): Disposable {
    const owned: Disposable = {
      [Symbol.dispose]: () => {
        this.#resources.delete(owned);
        resource[Symbol.dispose]();
      },
    };
    return this.own(owned);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    const failures: unknown[] = [];
    for (const resource of [...this.#resources].reverse()) {
      try {
        await closeResource(resource);
      } catch (error) {
        failures.push(error);
      }
    }
    this.#resources.clear();
    if (failures.length === 1) throw failures[0];
    if (failures.length > 1) throw new AggregateError(failures, 'Resources could not be closed');
  }

  async #closeLate(resource: Resource): Promise<void> {
    try {
      await closeResource(resource);
    } catch (error) {
      process.emitWarning('A resource opened after the end could not be closed', {
        detail: String(error),
      });
    }
  }
}

async function closeResource(resource: Resource): Promise<void> {
  if (Symbol.asyncDispose in resource) await resource[Symbol.asyncDispose]();
  else resource[Symbol.dispose]();
}
