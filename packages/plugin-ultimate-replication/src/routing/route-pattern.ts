import { braceExpand, GLOBSTAR, Minimatch } from 'minimatch';
import { replicationError } from '../errors/replication-errors.js';

/** Longest pattern, in bytes of UTF-8. */
export const MAX_PATTERN_BYTES = 512;

const maxAlternatives = 64;

const options = {
  dot: true,
  nonegate: true,
  nocomment: true,
  noext: true,
  platform: 'linux',
  optimizationLevel: 0,
  // One more than is taken, to see that there are too many.
  braceExpandMax: maxAlternatives + 1,
} as const;

/** What a name needs for one alternative of a pattern to fit it; see {@link searchText}. */
export interface RequiredText {
  /** How the name's search text begins. */
  readonly prefix: string;
  /** What occurs in it besides. */
  readonly parts: readonly string[];
}

/** A compiled pattern of a route. */
export interface RoutePattern {
  /**
   * Tests a name whose segments are separated by slashes, as {@link plainName} gives it. `x/**`
   * fits `x` as well.
   */
  matches(plainName: string): boolean;
  /** What each alternative needs. */
  readonly required: readonly RequiredText[];
}

/**
 * Compiles a glob, whose matching takes time in proportion to the name: `*` and `?` within a segment, `**` over segments, `[a-z]`, `{a,b}`.
 *
 * @throws {@link DwError} `DW_REPLICATION_INVALID_PATTERN`.
 */
export function compilePattern(pattern: string): RoutePattern {
  assertPattern(pattern);
  const glob = new Minimatch(pattern, options);
  const coversItself = pattern.endsWith('/**');
  return {
    matches: (name) => glob.match(name) || (coversItself && glob.match(`${name}/`)),
    required: glob.set.map(requiredOf),
  };
}

/** A name as patterns see it: a glob never fits the segments `.` and `..`, which are names here. */
export function plainName(name: string): string {
  return name.includes('.') ? name.replace(/(^|\/)(\.{1,2})(?=\/|$)/g, '$1\u{FFFD}$2') : name;
}

/** A plain name as {@link RequiredText} speaks of it: each segment between two single slashes. */
export function searchText(plain: string): string {
  return `/${plain}/`.replace(/\/{2,}/g, '/');
}

function requiredOf(segments: Minimatch['set'][number]): RequiredText {
  let prefix = '/';
  let isPrefix = true;
  const parts: string[] = [];
  for (const segment of segments) {
    if (segment === GLOBSTAR) isPrefix = false;
    if (segment === GLOBSTAR || segment === '') continue;
    const [first = '', ...rest] =
      typeof segment === 'string' ? [`/${segment}/`] : literalRuns(`/${segment.pattern}/`);
    if (isPrefix) prefix += first.slice(1);
    else parts.push(first);
    parts.push(...rest);
    if (typeof segment !== 'string') isPrefix = false;
  }
  return { prefix, parts };
}

/** The texts between the wildcards of a segment; what follows a class is left out. */
function literalRuns(segment: string): readonly string[] {
  const runs = [''];
  for (let at = 0; at < segment.length; at += 1) {
    const character = segment[at] ?? '';
    if (character === '[') break;
    if (character === '*' || character === '?') {
      runs.push('');
      continue;
    }
    if (character === '\\') at += 1;
    runs.push(`${runs.pop() ?? ''}${segment[at] ?? ''}`);
  }
  return runs;
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
  if (isUnbalanced(pattern, '[', ']')) refuse('a [ has no ]');
  if (isUnbalanced(pattern, '{', '}')) refuse('a { has no }');
  if (braceExpand(pattern, options).length > maxAlternatives) {
    refuse(`its braces stand for more than ${maxAlternatives} patterns`);
  }
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
