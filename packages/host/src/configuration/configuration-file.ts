import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { createJiti } from 'jiti';
import { type Document, isMap, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import { hostError } from '../errors/host-errors.js';

/** A configuration file as read, before any check of what it says. */
export interface ConfigurationFile {
  readonly file: string;
  readonly value: unknown;
  /** Line of a key, from 1; `undefined` where the format does not tell. */
  lineOf(path: readonly PropertyKey[]): number | undefined;
}

const maxFileBytes = 4 * 1024 * 1024;

/**
 * Reads a JSON, YAML, TypeScript or JavaScript file.
 *
 * @param file - Absolute path.
 * @throws DwError `DW_CONFIG_UNREADABLE`, `DW_CONFIG_FORMAT`, `DW_CONFIG_SYNTAX`.
 */
export async function readConfigurationFile(file: string): Promise<ConfigurationFile> {
  switch (extname(file).toLowerCase()) {
    case '.json':
      return parseJson(file, await readText(file));
    case '.yaml':
    case '.yml':
      return parseYaml(file, await readText(file));
    case '.ts':
    case '.mts':
    case '.js':
    case '.mjs':
      await readText(file);
      return evaluate(file);
    default:
      throw hostError('DW_CONFIG_FORMAT', {
        message: `The configuration file ${file} has an unknown extension`,
        details: { file },
      });
  }
}

async function readText(file: string): Promise<string> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw hostError('DW_CONFIG_UNREADABLE', {
      message: `The configuration file ${file} cannot be read: ${reasonOf(cause)}`,
      cause,
      details: { file },
    });
  }
  if (text.length <= maxFileBytes) return text.replace(/^\uFEFF/, '');
  throw hostError('DW_CONFIG_UNREADABLE', {
    message: `The configuration file ${file} is larger than 4 MiB`,
    hint: 'Check that it is the right file.',
    details: { file },
  });
}

function parseYaml(file: string, text: string): ConfigurationFile {
  const { document, lines } = yamlDocument(text);
  const [problem] = document.errors;
  if (problem !== undefined) {
    throw syntaxError(file, problem.message, lines.linePos(problem.pos[0]).line, problem);
  }
  return {
    file,
    value: document.toJS() as unknown,
    lineOf: (path) => findLine(document, lines, path),
  };
}

function parseJson(file: string, text: string): ConfigurationFile {
  // JSON is YAML, and the YAML parser knows where each key stands.
  const { document, lines } = yamlDocument(text);
  try {
    const value = JSON.parse(text) as unknown;
    return { file, value, lineOf: (path) => findLine(document, lines, path) };
  } catch (cause) {
    // Without the excerpt, which spans lines.
    const reason = reasonOf(cause).replace(/, (?:\.\.\.)?".*/s, '');
    throw syntaxError(file, reason, lines.linePos(firstJsonError(text)).line, cause);
  }
}

/** Offset of the first character that no JSON text can go on with; the parser does not tell it. */
function firstJsonError(text: string): number {
  let good = 0;
  let bad = text.length;
  while (good < bad) {
    const middle = Math.floor((good + bad) / 2) + 1;
    if (isJsonPrefix(text.slice(0, middle))) good = middle;
    else bad = middle - 1;
  }
  return good;
}

function isJsonPrefix(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch (error) {
    const reason = reasonOf(error);
    const position = /at position (\d+)/.exec(reason)?.[1];
    if (position !== undefined && Number(position) >= text.length) return true;
    return /^(?:Unexpected end|Unterminated)/.test(reason);
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function yamlDocument(text: string): { document: Document.Parsed; lines: LineCounter } {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  return { document, lines };
}

/** Line of the deepest part of `path` that the document has. */
function findLine(
  document: Document.Parsed,
  lines: LineCounter,
  path: readonly PropertyKey[],
): number | undefined {
  let node: unknown = document.contents;
  let offset: number | undefined;
  for (const name of path) {
    if (isMap(node)) {
      const pair = node.items.find(
        ({ key }) => isScalar(key) && String(key.value) === String(name),
      );
      if (pair === undefined) break;
      if (isScalar(pair.key) && pair.key.range) offset = pair.key.range[0];
      node = pair.value;
    } else if (isSeq(node)) {
      const item: unknown = node.items[Number(name)];
      const range = (item as { readonly range?: readonly number[] } | undefined)?.range;
      if (range === undefined) break;
      offset = range[0];
      node = item;
    } else break;
  }
  return offset === undefined ? undefined : lines.linePos(offset).line;
}

async function evaluate(file: string): Promise<ConfigurationFile> {
  const jiti = createJiti(import.meta.url, { fsCache: false, moduleCache: false });
  let module: unknown;
  try {
    module = await jiti.import(file);
  } catch (cause) {
    throw syntaxError(file, reasonOf(cause).split('\n', 1).join(''), undefined, cause);
  }
  if (typeof module !== 'object' || module === null || !('default' in module)) {
    throw syntaxError(file, 'it has no default export', undefined, undefined);
  }
  return { file, value: module.default, lineOf: () => undefined };
}

function syntaxError(
  file: string,
  reason: string,
  line: number | undefined,
  cause: unknown,
): Error {
  const place = line === undefined ? file : `${file}, line ${line}`;
  return hostError('DW_CONFIG_SYNTAX', {
    message: `The configuration file ${place} is malformed: ${reason}`,
    cause,
    details: { file, ...(line !== undefined && { line }) },
  });
}
