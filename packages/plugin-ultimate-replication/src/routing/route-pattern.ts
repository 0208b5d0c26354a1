import { Minimatch } from 'minimatch';
import { replicationError } from '../errors/replication-errors.js';

/** Longest pattern, in bytes of UTF-8. */
export const MAX_PATTERN_BYTES = 512;

// Matching takes time to the power of the wildcards in one segment: with three and the longest
// name some 60 ms, with four some 14 s.
const maxWildcardsPerSegment = 3;
const maxAlternatives = 64;

/** A compiled pattern of a route. */
export interface RoutePattern {
  /** Tests a text whose segments are separated by slashes. `x/**` fits `x` as well. */
  matches(name: string): boolean;
}

/**
 * Compiles a glob: `*` and `?` within a segment, `**` over segments, `[a-z]`, `{a,b}`.
 *
 * @throws {@link DwError} `DW_REPLICATION_INVALID_PATTERN`.
 */
export function compilePattern(pattern: string): RoutePattern {
  assertPattern(pattern);
  const glob = new Minimatch(pattern, {
    dot: true,
    nonegate: true,
    nocomment: true,
    noext: true,
    platform: 'linux',
    optimizationLevel: 0,
    braceExpandMax: maxAlternatives,
  });
  const coversItself = pattern.endsWith('/**');
  return {
    matches: (name) => {
      const text = withoutDotSegments(name);
      return glob.match(text) || (coversItself && glob.match(`${text}/`));
    },
  };
}

function assertPattern(pattern: string): void {
  const refuse = (reason: string): never => {
    throw replicationError('DW_REPLICATION_INVALID_PATTERN', {
      message: `The pattern is not valid: ${reason}`,
      details: { pattern: pattern.slice(0, 200), reason },
    });
  };
  const sizeBytes = Buffer.byteLength(pattern, 'utf8');
  if (sizeBytes === 0) refuse('it is empty');
  if (sizeBytes > MAX_PATTERN_BYTES) refuse(`it has more than ${MAX_PATTERN_BYTES} bytes`);
  if (!pattern.isWellFormed()) refuse('it holds a lone surrogate');
  for (const segment of pattern.split('/')) {
    if (segment === '**') continue;
    if ((segment.match(/\*/g) ?? []).length > maxWildcardsPerSegment) {
      refuse(`a segment has more than ${maxWildcardsPerSegment} *`);
    }
  }
  if (isUnbalanced(pattern, '[', ']')) refuse('a [ has no ]');
  if (isUnbalanced(pattern, '{', '}')) refuse('a { has no }');
}

/** A bracket that is never closed would be taken literally, and match what nobody meant. */
function isUnbalanced(pattern: string, open: string, close: string): boolean {
  let isOpen = false;
  for (let index = 0; index < pattern.length; index += 1) {
    const character = pattern[index];
    if (character === '\\') index += 1;
    else if (character === open) isOpen = true;
    else if (character === close) isOpen = false;
  }
  return isOpen;
}

/** A glob never fits the segments `.` and `..`, which are names like others here. */
function withoutDotSegments(name: string): string {
  return name.includes('.') ? name.replace(/(^|\/)(\.{1,2})(?=\/|$)/g, '$1\u{FFFD}$2') : name;
}
