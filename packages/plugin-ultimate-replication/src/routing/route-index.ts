import type { RequiredText } from './route-pattern.js';

const gramLength = 3;

/** Keys under which one alternative of a pattern could stand. */
interface IndexKeys {
  readonly prefix: number | undefined;
  readonly grams: readonly number[];
}

/**
 * Finds the few patterns of a table that may fit a name, without trying the others.
 *
 * Each alternative of a pattern stands under the rarest of the texts that a name needs for it: its
 * literal beginning, or three characters in a row. Those without such a text are tried always.
 */
export class RouteIndex {
  readonly #byPrefix = new Map<number, number[]>();
  readonly #byGram = new Map<number, number[]>();
  readonly #always: number[] = [];

  /** @param patterns - For each pattern, in order, what its alternatives need. */
  constructor(patterns: readonly (readonly RequiredText[])[]) {
    const keys = patterns.map((alternatives) => alternatives.map(keysOf));
    const prefixCounts = new Map<number, number>();
    const gramCounts = new Map<number, number>();
    for (const { prefix, grams } of keys.flat()) {
      if (prefix !== undefined) prefixCounts.set(prefix, (prefixCounts.get(prefix) ?? 0) + 1);
      for (const gram of grams) gramCounts.set(gram, (gramCounts.get(gram) ?? 0) + 1);
    }
    for (const [place, alternatives] of keys.entries()) {
      for (const { prefix, grams } of alternatives) {
        const prefixCount = prefix === undefined ? Infinity : (prefixCounts.get(prefix) ?? 0);
        const gram = rarest(grams, gramCounts);
        const gramCount = gram === undefined ? Infinity : (gramCounts.get(gram) ?? 0);
        if (prefix !== undefined && prefixCount <= gramCount) add(this.#byPrefix, prefix, place);
        else if (gram !== undefined) add(this.#byGram, gram, place);
        else this.#always.push(place);
      }
    }
  }

  /**
   * Places of the patterns that may fit, ascending, each once.
   *
   * @param text - What `searchText` makes of the name.
   */
  candidates(text: string): readonly number[] {
    const found = [...this.#always];
    let prefix = prefixStart;
    let gram = 0;
    for (let at = 0; at < text.length; at += 1) {
      const unit = text.charCodeAt(at);
      prefix = nextPrefix(prefix, unit);
      gram = nextGram(gram, unit);
      collect(found, this.#byPrefix.get(prefix));
      if (at >= gramLength - 1) collect(found, this.#byGram.get(gram));
    }
    found.sort((one, other) => one - other);
    return found.filter((place, index) => place !== found[index - 1]);
  }
}

function keysOf({ prefix, parts }: RequiredText): IndexKeys {
  const grams = new Set<number>();
  for (const part of [prefix, ...parts]) {
    let gram = 0;
    for (let at = 0; at < part.length; at += 1) {
      gram = nextGram(gram, part.charCodeAt(at));
      if (at >= gramLength - 1) grams.add(gram);
    }
  }
  // A single slash begins every name.
  return { prefix: prefix.length > 1 ? prefixOf(prefix) : undefined, grams: [...grams] };
}

function rarest(grams: readonly number[], counts: ReadonlyMap<number, number>): number | undefined {
  let best: number | undefined;
  let bestCount = Infinity;
  for (const gram of grams) {
    const count = counts.get(gram) ?? 0;
    if (count >= bestCount) continue;
    best = gram;
    bestCount = count;
  }
  return best;
}

// Both are hashes: two texts that share one only make a pattern be tried in vain.
const prefixStart = 0x811c9dc5;

function nextPrefix(prefix: number, unit: number): number {
  return Math.imul(prefix ^ unit, 0x01000193);
}

function prefixOf(text: string): number {
  let prefix = prefixStart;
  for (let at = 0; at < text.length; at += 1) prefix = nextPrefix(prefix, text.charCodeAt(at));
  return prefix;
}

/** Shifts the oldest of three characters out. */
function nextGram(gram: number, unit: number): number {
  return ((gram << 10) ^ unit) & 0x3fffffff;
}

function add(map: Map<number, number[]>, key: number, place: number): void {
  const places = map.get(key);
  if (places === undefined) map.set(key, [place]);
  else places.push(place);
}

function collect(found: number[], places: readonly number[] | undefined): void {
  if (places !== undefined) for (const place of places) found.push(place);
}
