/** What canonical JSON can hold: no fractions, no null, nothing left undefined. */
export type CanonicalValue =
  | string
  | number
  | boolean
  | readonly CanonicalValue[]
  | { readonly [key: string]: CanonicalValue };

/** Deeper values are refused, so that a hostile one cannot exhaust the stack. */
const maxDepth = 32;

/**
 * Writes a value in the one form that its signature covers: RFC 8785 (JCS) for the subset of JSON
 * that it accepts. Keys ascend by UTF-16 code units, there are no blanks, numbers are whole.
 *
 * @throws TypeError for a value outside the subset.
 */
export function canonicalJson(value: CanonicalValue): string {
  return write(value, 0);
}

function write(value: unknown, depth: number): string {
  if (depth > maxDepth) throw new TypeError('Nested too deeply for canonical JSON');
  switch (typeof value) {
    case 'string':
      if (!value.isWellFormed()) throw new TypeError('A text is not well-formed Unicode');
      return JSON.stringify(value);
    case 'number':
      if (!Number.isSafeInteger(value) || Object.is(value, -0)) {
        throw new TypeError(`Not a whole number: ${value}`);
      }
      return String(value);
    case 'boolean':
      return String(value);
    case 'object':
      if (value === null) break;
      return Array.isArray(value) ? writeArray(value, depth) : writeObject(value, depth);
    default:
      break;
  }
  throw new TypeError(`Canonical JSON has no ${value === null ? 'null' : typeof value}`);
}

function writeArray(value: readonly unknown[], depth: number): string {
  // Array.from visits holes too, which must not pass as nothing.
  return `[${Array.from(value, (item) => write(item, depth + 1)).join(',')}]`;
}

function writeObject(value: object, depth: number): string {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    throw new TypeError('Canonical JSON has plain objects only');
  }
  // The default order of sort() is by UTF-16 code units, as RFC 8785 asks.
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members
    .map(([key, member]) => `${write(key, depth)}:${write(member, depth + 1)}`)
    .join(',')}}`;
}
