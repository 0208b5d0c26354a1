import {
  BoundedCache,
  type BoundedCacheStatistics,
  type IPersistentBackingStore,
  KeyedMutex,
  parseMessage,
  storePath,
} from '@datawarehouse/sdk';
import { z } from 'zod';
import { replicationError } from '../errors/replication-errors.js';
import { assertObjectName } from '../objects/object-name.js';
import { decodeStored, encodeStored } from '../persistence/stored-json.js';
import type { ReplicationStrategy } from '../strategies/replication-strategy.js';
import type { StrategyRegistry } from '../strategies/strategy-registry.js';
import { type Route, type RouteMatch, RoutingTable } from './routing-table.js';
import { type StrategyRoutingChange, strategyRoutingTopic } from './strategy-routing-topic.js';

/** Routes and the default together, as they are stored and shown. */
export interface Routing {
  readonly defaultStrategy: string;
  readonly routes: readonly Route[];
}

/** What a {@link StrategyRouter} works with. */
export interface StrategyRouterOptions {
  readonly store: IPersistentBackingStore;
  readonly strategies: StrategyRegistry;
  /** Holds until the routes are changed for the first time; from then on the stored ones do. */
  readonly configured: Routing;
  /** Entries of the memo; a tenth of it may be routes. */
  readonly maxCacheEntries: number;
}

/** Which strategy a name has, and why. */
export interface RouteExplanation {
  readonly strategy: string;
  /** The route that decided; absent where the default did. */
  readonly match?: RouteMatch | undefined;
}

interface RoutingEdit {
  readonly table?: RoutingTable | undefined;
  readonly defaultStrategy?: string | undefined;
}

const routingPath = storePath('replication', 'routing');
const routingSchema = z.object({
  v: z.literal(1),
  defaultStrategy: z.string(),
  routes: z.array(z.object({ pattern: z.string(), strategy: z.string() })),
});

/** Most routes that a memo of `maxCacheEntries` allows. */
function maxRoutesOf(maxCacheEntries: number): number {
  return Math.max(1, Math.floor(maxCacheEntries / 10));
}

/** Decides the strategy of every name by ordered routes, which it keeps over restarts. */
export class StrategyRouter implements AsyncDisposable {
  readonly #store: IPersistentBackingStore;
  readonly #strategies: StrategyRegistry;
  readonly #memo: BoundedCache<string, string>;
  readonly #changes = new KeyedMutex();
  #maxRoutes: number;
  #table = RoutingTable.of([]);
  #defaultStrategy: string;

  /** Takes routes over as they are: the strategy of one may come with a plugin that starts later. */
  private constructor(options: StrategyRouterOptions, { defaultStrategy, routes }: Routing) {
    this.#store = options.store;
    this.#strategies = options.strategies;
    this.#memo = new BoundedCache({ maxEntries: options.maxCacheEntries, sizeOf: memoBytes });
    // Routes that were accepted under other limits stay.
    this.#maxRoutes = Math.max(maxRoutesOf(options.maxCacheEntries), routes.length);
    this.#defaultStrategy = defaultStrategy;
    this.#table = RoutingTable.of(routes);
  }

  /**
   * Loads the stored routes, or takes the configured ones.
   *
   * @throws {@link DwError} for configured routes that {@link StrategyRouter.replace} would refuse.
   */
  static async open(options: StrategyRouterOptions): Promise<StrategyRouter> {
    const data = await options.store.read(routingPath);
    const stored = data && decodeStored(routingPath, data, routingSchema);
    if (stored !== undefined) return new StrategyRouter(options, stored);
    const { defaultStrategy, routes } = options.configured;
    for (const name of [defaultStrategy, ...routes.map(({ strategy }) => strategy)]) {
      options.strategies.get(name);
    }
    return new StrategyRouter(options, options.configured);
  }

  get routing(): Routing {
    return { defaultStrategy: this.#defaultStrategy, routes: this.#table.routes };
  }

  /** What the memo of decided names holds and has done. */
  statistics(): BoundedCacheStatistics {
    return this.#memo.statistics();
  }

  /** Decides the strategy of an object. */
  resolve(namespace: string, key: string): ReplicationStrategy {
    const name = `${namespace.length}:${namespace}${key}`;
    let strategy = this.#memo.get(name);
    if (strategy === undefined) {
      strategy = this.explain(namespace, key).strategy;
      this.#memo.set(name, strategy);
    }
    return this.#strategies.get(strategy);
  }

  /** Decides the strategy of an object, and says which route did. */
  explain(namespace: string, key: string): RouteExplanation {
    assertObjectName('namespace', namespace);
    assertObjectName('key', key);
    const match = this.#table.match(namespace, key);
    return { strategy: match?.route.strategy ?? this.#defaultStrategy, match };
  }

  /**
   * Adds a route, or gives the one with its pattern another strategy.
   *
   * @throws {@link DwError} `DW_REPLICATION_INVALID_PATTERN`, `DW_REPLICATION_UNKNOWN_STRATEGY`,
   *   `DW_REPLICATION_ROUTES_FULL`.
   */
  set(route: Route, options: { readonly position?: number | undefined } = {}): Promise<Routing> {
    return this.#change(() => ({ table: this.#table.with(route, options.position) }));
  }

  /** @throws {@link DwError} `DW_REPLICATION_UNKNOWN_ROUTE`. */
  remove(pattern: string): Promise<Routing> {
    return this.#change(() => ({ table: this.#without(pattern) }));
  }

  setDefault(strategy: string): Promise<Routing> {
    return this.#change(() => ({ defaultStrategy: strategy }));
  }

  /**
   * Takes other routes, another default, or both.
   *
   * @param maxCacheEntries - Bound that will hold next; by default the one that holds.
   */
  replace(routing: Partial<Routing>, maxCacheEntries?: number): Promise<Routing> {
    const { routes, defaultStrategy } = routing;
    const maxRoutes = maxCacheEntries && maxRoutesOf(maxCacheEntries);
    return this.#change(() => {
      return { table: routes && RoutingTable.of(routes), defaultStrategy };
    }, maxRoutes);
  }

  /** Applies a message of {@link strategyRoutingTopic}, all of it or nothing. */
  apply(message: StrategyRoutingChange): Promise<Routing> {
    const { pattern, strategy, defaultStrategy } = parseMessage(strategyRoutingTopic, message);
    return this.#change(() => {
      if (pattern === undefined) return { defaultStrategy };
      const table =
        strategy === undefined ? this.#without(pattern) : this.#table.with({ pattern, strategy });
      return { table, defaultStrategy };
    });
  }

  /**
   * Refuses a bound that the routes would not fit.
   *
   * @throws {@link DwError} `DW_REPLICATION_ROUTES_FULL`.
   */
  assertFits(maxCacheEntries: number): void {
    const maxRoutes = maxRoutesOf(maxCacheEntries);
    if (this.#table.size > maxRoutes) throw tooMany(this.#table.size, maxRoutes);
  }

  /** Changes the bounds of memo and table at once. Throws as {@link StrategyRouter.assertFits}. */
  reconfigure(changes: { readonly maxEntries?: number; readonly maxBytes?: number }): void {
    const { maxEntries } = changes;
    if (maxEntries !== undefined) {
      this.assertFits(maxEntries);
      this.#maxRoutes = maxRoutesOf(maxEntries);
    }
    this.#memo.reconfigure(changes);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#memo.close();
  }

  #without(pattern: string): RoutingTable {
    const table = this.#table.without(pattern);
    if (table !== undefined) return table;
    throw replicationError('DW_REPLICATION_UNKNOWN_ROUTE', {
      details: { pattern: pattern.slice(0, 200) },
    });
  }

  /** One change at a time, stored before it counts. */
  #change(make: () => RoutingEdit, maxRoutes?: number): Promise<Routing> {
    return this.#changes.run('routing', async () => {
      const { table = this.#table, defaultStrategy = this.#defaultStrategy } = make();
      if (defaultStrategy !== this.#defaultStrategy) this.#strategies.get(defaultStrategy);
      const routing = { defaultStrategy, routes: this.#check(table, maxRoutes).routes };
      await this.#store.write(routingPath, encodeStored({ v: 1, ...routing }));
      this.#table = table;
      this.#defaultStrategy = defaultStrategy;
      this.#memo.clear();
      return routing;
    });
  }

  #check(table: RoutingTable, maxRoutes = this.#maxRoutes): RoutingTable {
    if (table.size > maxRoutes) throw tooMany(table.size, maxRoutes);
    const known = new Set(this.#table.routes.map(({ strategy }) => strategy));
    for (const { strategy } of table.routes)
      if (!known.has(strategy)) this.#strategies.get(strategy);
    return table;
  }
}

function tooMany(routeCount: number, maxRouteCount: number): Error {
  return replicationError('DW_REPLICATION_ROUTES_FULL', { details: { routeCount, maxRouteCount } });
}

/** Two strings in a Map: UTF-16 at worst, and their headers. */
function memoBytes(strategy: string, name: string): number {
  return 2 * (name.length + strategy.length) + 64;
}
