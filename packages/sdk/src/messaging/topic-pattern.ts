import { busError } from '../errors/bus-errors.js';

const patternShape = /^(?:[a-z0-9-]+|\*)(?:\.(?:[a-z0-9-]+|\*))*(?:\.>)?$|^>$/;

/**
 * Compiles a topic pattern: `*` stands for exactly one name, a final `>` for one or more.
 *
 * @returns A test for topic names, linear in their length.
 * @throws {@link DwError} `DW_BUS_INVALID_TOPIC`.
 */
export function topicMatcher(pattern: string): (name: string) => boolean {
  if (pattern.length > 200 || !patternShape.test(pattern)) {
    throw busError('DW_BUS_INVALID_TOPIC', { details: { pattern } });
  }
  if (!pattern.includes('*') && !pattern.includes('>')) return (name) => name === pattern;
  const wanted = pattern.split('.');
  return (name) => {
    const names = name.split('.');
    for (const [index, want] of wanted.entries()) {
      if (want === '>') return names.length > index;
      if (index >= names.length || (want !== '*' && want !== names[index])) return false;
    }
    return names.length === wanted.length;
  };
}
