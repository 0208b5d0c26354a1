import { apiPath, type CliContext } from '@datawarehouse/sdk';

/** Name of the object that a command is about. */
export function objectNameOf({ arguments: given }: CliContext): {
  readonly namespace: string;
  readonly key: string;
} {
  return { namespace: given.namespace ?? '', key: given.key ?? '' };
}

/** Path of an object, or of a namespace, in the HTTP API. */
export function objectApiPath(namespace: string, key?: string): string {
  const names = key === undefined ? [namespace] : [namespace, key];
  return apiPath('api', 'v1', 'objects', ...names);
}

/** Arguments that name an object. */
export const objectArguments = [
  { name: 'namespace', summary: 'namespace of the object; may be hierarchical: critical/eu' },
  { name: 'key', summary: 'key of the object' },
] as const;
