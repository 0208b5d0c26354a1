import { z } from 'zod';
import { hostConfigurationSchema } from './host-configuration.js';

/** One thing that is wrong with a configuration. */
export interface ConfigurationIssue {
  /** Path of the key, as written: `plugins[0].config`. */
  readonly key: string;
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

interface SchemaNode {
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly additionalProperties?: SchemaNode | boolean;
  readonly items?: SchemaNode;
}

/** Says what the schema's findings mean: one issue a key, with the likely intended name. */
export function configurationIssues(error: z.ZodError): readonly ConfigurationIssue[] {
  return error.issues.flatMap((issue): ConfigurationIssue[] => {
    if (issue.code !== 'unrecognized_keys') {
      return [{ path: issue.path, key: keyText(issue.path), message: lowerFirst(issue.message) }];
    }
    return issue.keys.map((name) => {
      const path = [...issue.path, name];
      const intended = closest(name, knownKeys(issue.path));
      const message =
        intended === undefined ? 'is no known key' : `is no known key; did you mean "${intended}"?`;
      return { path, key: keyText(path), message };
    });
  });
}

/** Writes a path as people do: `plugins[0].config`. */
function keyText(path: readonly PropertyKey[]): string {
  const text = path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('');
  return text.replace(/^\./, '') || 'the configuration';
}

function lowerFirst(message: string): string {
  return message.charAt(0).toLowerCase() + message.slice(1);
}

function knownKeys(path: readonly PropertyKey[]): readonly string[] {
  let node = z.toJSONSchema(hostConfigurationSchema, { io: 'input' }) as SchemaNode | undefined;
  for (const part of path) {
    const rest = node?.additionalProperties;
    node =
      typeof part === 'number'
        ? node?.items
        : (node?.properties?.[String(part)] ?? (typeof rest === 'object' ? rest : undefined));
  }
  return Object.keys(node?.properties ?? {});
}

/** The known name that a mistyped one is most likely meant to be. */
export function closest(name: string, known: readonly string[]): string | undefined {
  const ranked = known
    .map((candidate) => ({
      candidate,
      distance: editDistance(name.toLowerCase(), candidate.toLowerCase()),
    }))
    .sort((a, b) => a.distance - b.distance);
  const [best] = ranked;
  const allowed = Math.max(name.length < 4 ? 1 : 2, Math.floor(name.length / 3));
  return best !== undefined && best.distance <= allowed ? best.candidate : undefined;
}

/** Levenshtein's distance. */
function editDistance(from: string, to: string): number {
  if (Math.abs(from.length - to.length) > 8) return Number.POSITIVE_INFINITY;
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (const [i, left] of Array.from(from).entries()) {
    const next = [i + 1];
    for (const [j, right] of Array.from(to).entries()) {
      const replaced = (row[j] ?? 0) + (left === right ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
