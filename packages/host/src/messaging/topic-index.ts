/** One name in a pattern, and what may follow it. */
interface Branch<T> {
  readonly names: Map<string, Branch<T>>;
  /** What follows after `*`. */
  any: Branch<T> | undefined;
  /** Entries whose pattern ends here. */
  readonly here: Set<T>;
  /** Entries whose pattern ends with `>` here. */
  readonly rest: Set<T>;
}

/**
 * Entries by topic pattern: a tree of names, so that a look-up costs what fits the topic, not what
 * there is.
 */
export class TopicIndex<T> {
  readonly #root: Branch<T> = newBranch();

  /** @param pattern - Well-formed, see `topicMatcher`. */
  add(pattern: string, entry: T): void {
    let branch = this.#root;
    for (const name of pattern.split('.')) {
      if (name === '>') {
        branch.rest.add(entry);
        return;
      }
      branch = follow(branch, name) ?? grow(branch, name);
    }
    branch.here.add(entry);
  }

  remove(pattern: string, entry: T): void {
    prune(this.#root, pattern.split('.'), entry);
  }

  /** Every entry whose pattern fits the topic, in no particular order. */
  find(topic: string): readonly T[] {
    const found: T[] = [];
    collect(this.#root, topic.split('.'), 0, found);
    return found;
  }

  /** Whether nothing is left, no empty branch either. */
  get isEmpty(): boolean {
    return isBare(this.#root);
  }
}

function newBranch<T>(): Branch<T> {
  return { names: new Map(), any: undefined, here: new Set(), rest: new Set() };
}

function follow<T>(branch: Branch<T>, name: string): Branch<T> | undefined {
  return name === '*' ? branch.any : branch.names.get(name);
}

function grow<T>(branch: Branch<T>, name: string): Branch<T> {
  const next = newBranch<T>();
  if (name === '*') branch.any = next;
  else branch.names.set(name, next);
  return next;
}

/** Each branch fits a topic in one way only, so none is visited twice. */
function collect<T>(branch: Branch<T>, names: readonly string[], depth: number, found: T[]): void {
  const name = names[depth];
  if (name === undefined) {
    found.push(...branch.here);
    return;
  }
  found.push(...branch.rest);
  const next = branch.names.get(name);
  if (next !== undefined) collect(next, names, depth + 1, found);
  if (branch.any !== undefined) collect(branch.any, names, depth + 1, found);
}

/** Removes an entry, and the branches that it leaves bare. */
function prune<T>(branch: Branch<T>, names: readonly string[], entry: T): void {
  const [name, ...rest] = names;
  if (name === undefined) {
    branch.here.delete(entry);
    return;
  }
  if (name === '>') {
    branch.rest.delete(entry);
    return;
  }
  const next = follow(branch, name);
  if (next === undefined) return;
  prune(next, rest, entry);
  if (!isBare(next)) return;
  if (name === '*') branch.any = undefined;
  else branch.names.delete(name);
}

function isBare<T>({ names, any, here, rest }: Branch<T>): boolean {
  return names.size === 0 && any === undefined && here.size === 0 && rest.size === 0;
}
