import type { ConflictResolver } from '../conflict/conflict-resolver.js';
import { ResolverRegistry } from '../conflict/resolver-registry.js';
import { replicationError } from '../errors/replication-errors.js';
import { asynchronous } from './asynchronous.js';
import { crdt } from './crdt.js';
import { localOnly } from './local-only.js';
import { multiPrimary } from './multi-primary.js';
import { multiPrimarySiblings } from './multi-primary-siblings.js';
import { primarySecondary } from './primary-secondary.js';
import { quorum } from './quorum.js';
import type { ReplicationStrategy } from './replication-strategy.js';
import { synchronous } from './synchronous.js';

const builtIn: readonly ReplicationStrategy[] = [
  asynchronous,
  synchronous,
  quorum,
  primarySecondary,
  multiPrimary,
  multiPrimarySiblings,
  crdt,
  localOnly,
];

/** The strategies that routes may name. */
export class StrategyRegistry {
  readonly #byName = new Map<string, ReplicationStrategy>();
  readonly #resolvers: ResolverRegistry;

  constructor(
    further: readonly ReplicationStrategy[] = [],
    resolvers: ResolverRegistry = new ResolverRegistry(),
  ) {
    this.#resolvers = resolvers;
    for (const strategy of [...builtIn, ...further]) this.add(strategy);
  }

  /**
   * Adds a strategy. A second one of the same name, a malformed one, and one whose resolver is not
   * there are `TypeError`s.
   */
  add(strategy: ReplicationStrategy): Disposable {
    const { name, confirmations, resolver } = strategy;
    if (!/^[a-z][a-z0-9-]{0,63}$/.test(name)) throw new TypeError(`Malformed name: ${name}`);
    if (this.#byName.has(name)) throw new TypeError(`A strategy ${name} is there already`);
    const isCount = typeof confirmations !== 'number' || Number.isSafeInteger(confirmations);
    if (!isCount || Number(confirmations) < 1) {
      throw new TypeError(`The strategy ${name} asks for ${confirmations} confirmations`);
    }
    if (this.#resolvers.find(resolver) === undefined) {
      throw new TypeError(`There is no resolver ${resolver} for the strategy ${name}`);
    }
    const isPrimary = strategy.admission === 'primary';
    if (isPrimary && this.#resolvers.find(resolver)?.merge?.write !== undefined) {
      throw new TypeError(`The strategy ${name} has one writer, and a resolver for many`);
    }
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

  /**
   * Finds the resolver of a strategy by the strategy's name. There is none where a plugin that this
   * node lacks brought either; its versions are kept, and the latest is shown.
   */
  resolverOf(name: string): ConflictResolver | undefined {
    const strategy = this.find(name);
    return strategy && this.#resolvers.find(strategy.resolver);
  }

  list(): readonly ReplicationStrategy[] {
    return [...this.#byName.values()];
  }
}
