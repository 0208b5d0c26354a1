import { RouteIndex } from './route-index.js';
import { compilePattern, plainName, type RoutePattern, searchText } from './route-pattern.js';

/** One route, as it is stored and shown. */
export interface Route {
  readonly pattern: string;
  /** Name of a strategy. */
  readonly strategy: string;
}

/** What decided a name. */
export interface RouteMatch {
  readonly route: Route;
  /** A `key` route fits `namespace/key` but not the namespace; it comes before `namespace` ones. */
  readonly kind: 'key' | 'namespace';
  /** Place of the route in the order, from 0. */
  readonly position: number;
}

interface CompiledRoute {
  readonly route: Route;
  readonly pattern: RoutePattern;
}

/** Ordered routes. Immutable: a change makes another table. */
export class RoutingTable {
  readonly #compiled: readonly CompiledRoute[];
  /** Made when the first name is looked up, so that many changes in a row cost little. */
  #index: RouteIndex | undefined;

  private constructor(compiled: readonly CompiledRoute[]) {
    this.#compiled = compiled;
  }

  /**
   * Compiles routes. Of two with one pattern the later counts, at the place of the earlier.
   *
   * @throws {@link DwError} `DW_REPLICATION_INVALID_PATTERN`.
   */
  static of(routes: readonly Route[]): RoutingTable {
    const byPattern = new Map(routes.map((route) => [route.pattern, route]));
    return new RoutingTable([...byPattern.values()].map(compileRoute));
  }

  get routes(): readonly Route[] {
    return this.#compiled.map(({ route }) => route);
  }

  get size(): number {
    return this.#compiled.length;
  }

  /** Puts a route at `position`; by default where its pattern is already, or at the end. */
  with(route: Route, position?: number): RoutingTable {
    const at = this.#compiled.findIndex((other) => other.route.pattern === route.pattern);
    const others = this.#compiled.filter((_, index) => index !== at);
    const place = position ?? (at === -1 ? others.length : at);
    return new RoutingTable(others.toSpliced(place, 0, compileRoute(route)));
  }

  /** Leaves a route out; `undefined` where there is none with that pattern. */
  without(pattern: string): RoutingTable | undefined {
    const rest = this.#compiled.filter(({ route }) => route.pattern !== pattern);
    return rest.length === this.#compiled.length ? undefined : new RoutingTable(rest);
  }

  /** Finds the first route that fits, per-key routes before namespace routes. */
  match(namespace: string, key: string): RouteMatch | undefined {
    this.#index ??= new RouteIndex(this.#compiled.map(({ pattern }) => pattern.required));
    const space = plainName(namespace);
    const name = plainName(`${namespace}/${key}`);
    let first: RouteMatch | undefined;
    for (const position of this.#index.candidates(searchText(name))) {
      const compiled = this.#compiled[position];
      if (compiled === undefined) continue;
      const { route, pattern } = compiled;
      if (pattern.matches(space)) first ??= { route, kind: 'namespace', position };
      else if (pattern.matches(name)) return { route, kind: 'key', position };
    }
    return first;
  }
}

function compileRoute(route: Route): CompiledRoute {
  const { pattern, strategy } = route;
  return { route: Object.freeze({ pattern, strategy }), pattern: compilePattern(pattern) };
}
