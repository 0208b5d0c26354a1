import { replicationError } from '../errors/replication-errors.js';
import { asynchronous } from './asynchronous.js';
import { localOnly } from './local-only.js';
import type { ReplicationStrategy } from './replication-strategy.js';
import { synchronous } from './synchronous.js';

/** The strategies that routes may name. */
export class StrategyRegistry {
  readonly #byName = new Map<string, ReplicationStrategy>();

  constructor(builtIn: readonly ReplicationStrategy[] = [asynchronous, synchronous, localOnly]) {
    for (const strategy of builtIn) this.add(strategy);
  }

  /** Adds a strategy. A second one of the same name is a `TypeError`. */
  add(strategy: ReplicationStrategy): Disposable {
    const { name } = strategy;
    if (!/^[a-z][a-z0-9-]{0,63}$/.test(name)) throw new TypeError(`Malformed name: ${name}`);
    if (this.#byName.has(name)) throw new TypeError(`A strategy ${name} is there already`);
    this.#byName.set(name, strategy);
    return {
      [Symbol.dispose]: () => {
        this.#byName.delete(name);
      },
    };
  }

  /**
   * Returns the strategy of a name.
   *
   * @throws {@link DwError} `DW_REPLICATION_UNKNOWN_STRATEGY`.
   */
  get(name: string): ReplicationStrategy {
    const strategy = this.find(name);
    if (strategy !== undefined) return strategy;
    const known = [...this.#byName.keys()];
    throw replicationError('DW_REPLICATION_UNKNOWN_STRATEGY', {
      message: `There is no strategy "${name.slice(0, 64)}"; there are ${known.join(', ')}`,
      details: { strategy: name.slice(0, 64), known },
    });
  }

  /** Finds a strategy by its name, if it is there. */
  find(name: string): ReplicationStrategy | undefined {
    return this.#byName.get(name);
  }

  list(): readonly ReplicationStrategy[] {
    return [...this.#byName.values()];
  }
}
