import type { ConflictResolver } from './conflict-resolver.js';
import { createCrdtResolver } from './resolvers/crdt.js';
import { latestWins } from './resolvers/latest-wins.js';
import { localWins } from './resolvers/local-wins.js';
import { mergeJson } from './resolvers/merge-json.js';
import { remoteWins } from './resolvers/remote-wins.js';
import { siblings } from './resolvers/siblings.js';

/**
 * Largest stored document: what many write at once is read into memory as a whole.
 */
const maxDocumentBytes = 1_048_576;

/** The resolvers that strategies may name. */
export class ResolverRegistry {
  readonly #byName = new Map<string, ConflictResolver>();

  constructor(further: readonly ConflictResolver[] = []) {
    const crdt = createCrdtResolver({ maxBytes: maxDocumentBytes });
    const builtIn = [latestWins, localWins, remoteWins, mergeJson, siblings, crdt];
    for (const resolver of [...builtIn, ...further]) this.add(resolver);
  }

  /** Adds a resolver. A second one of the same name is a `TypeError`. */
  add(resolver: ConflictResolver): Disposable {
    const { name, keeps, prefers, merge } = resolver;
    if (!/^[A-Za-z][A-Za-z0-9-]{0,63}$/.test(name)) throw new TypeError(`Malformed name: ${name}`);
    if (this.#byName.has(name)) throw new TypeError(`A resolver ${name} is there already`);
    if (keeps === 'latest' && (prefers !== undefined || merge !== undefined)) {
      throw new TypeError(`The resolver ${name} keeps nothing that it could choose from or merge`);
    }
    this.#byName.set(name, resolver);
    return {
      [Symbol.dispose]: () => {
        this.#byName.delete(name);
      },
    };
  }

  /** Finds a resolver by its name, if it is there. */
  find(name: string): ConflictResolver | undefined {
    return this.#byName.get(name);
  }

  list(): readonly ConflictResolver[] {
    return [...this.#byName.values()];
  }
}
