import type { ConflictResolver } from '../conflict-resolver.js';

/** Merges JSON objects member by member. */
export const mergeJson: ConflictResolver = Object.freeze({
  name: 'merge',
  summary: 'JSON objects are merged member by member, the later version deciding; else the latest.',
  keeps: 'siblings',
  merge: Object.freeze({ maxBytes: 1_048_576, read }),
});

type JsonObject = Readonly<Record<string, unknown>>;

function read(contents: readonly Uint8Array[]): Uint8Array {
  const [only, ...others] = contents;
  // What nobody wrote beside is given back as it was written.
  if (only !== undefined && others.length === 0) return only;
  const merged = contents.map(objectOf).reduce(mergeObjects, {});
  return Buffer.from(JSON.stringify(merged), 'utf8');
}

function objectOf(content: Uint8Array): JsonObject {
  const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(content));
  if (isObject(value)) return value;
  throw new TypeError('Only JSON objects can be merged');
}

/** Members in the order of their names, so that every node writes the same text. */
function mergeObjects(earlier: JsonObject, later: JsonObject): JsonObject {
  const names = [...new Set([...Object.keys(earlier), ...Object.keys(later)])].sort();
  return Object.fromEntries(
    names.map((name) => {
      const [before, after] = [earlier[name], later[name]];
      if (!Object.hasOwn(later, name)) return [name, before];
      const isBoth = isObject(before) && isObject(after);
      return [name, isBoth ? mergeObjects(before, after) : after];
    }),
  );
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
