import { apiPath, type CliContext } from '@datawarehouse/sdk';

/** Name of the object that a command is about. */
export function objectNameOf({ arguments: given }: CliContext): {
  readonly namespace: string;
  readonly key: string;
} {
  return { namespace: given.namespace ?? '', key: given.key ?? '' };
}

/** Where the HTTP API has something. */
export interface ObjectAddress {
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
}

/** Where the HTTP API has an object, or the list of a namespace. */
export function objectAddress(namespace: string, key?: string): ObjectAddress {
  const names = key === undefined ? [namespace] : [namespace, key];
  // Clients take these two away from a path, however they are encoded.
  if (!names.some((name) => name === '.' || name === '..')) {
    return { path: apiPath('api', 'v1', 'objects', ...names), query: {} };
  }
  return key === undefined
    ? { path: '/api/v1/objects', query: { namespace } }
    : { path: '/api/v1/object', query: { namespace, key } };
}

/** Option of commands that write, and what it sends. */
export const contextFlag = {
  flags: '--context <context>',
  summary: 'what you have seen of it, from `dw get --siblings`; the write replaces just that',
} as const;

/** The header that {@link contextFlag} stands for. */
export function contextHeader({ options }: CliContext): Readonly<Record<string, string>> {
  return typeof options.context === 'string' ? { 'dw-context': options.context } : {};
}

/** Arguments that name an object. */
export const objectArguments = [
  { name: 'namespace', summary: 'namespace of the object; may be hierarchical: critical/eu' },
  { name: 'key', summary: 'key of the object' },
] as const;
