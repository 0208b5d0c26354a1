import { storePath, storePathSegments, storePrefix } from '@datawarehouse/sdk';
import { replicationError } from '../errors/replication-errors.js';

/** Longest namespace, and longest key, in bytes of UTF-8. */
const MAX_NAME_BYTES = 1024;

/** Reports whether a text may be a namespace or a key. */
export function isObjectName(name: string): boolean {
  const sizeBytes = Buffer.byteLength(name, 'utf8');
  return sizeBytes >= 1 && sizeBytes <= MAX_NAME_BYTES && name.isWellFormed();
}

/**
 * Refuses what cannot be a namespace or a key.
 *
 * @throws {@link DwError} `DW_REPLICATION_INVALID_NAME`.
 */
export function assertObjectName(part: 'namespace' | 'key' | 'prefix', name: string): void {
  if (isObjectName(name)) return;
  const sizeBytes = Buffer.byteLength(name, 'utf8');
  const reason = name.isWellFormed() ? `it has ${sizeBytes} bytes` : 'it holds a lone surrogate';
  throw replicationError('DW_REPLICATION_INVALID_NAME', {
    message: `The ${part} is not a valid name: ${reason}`,
    details: { part, sizeBytes },
  });
}

/** Prefix of the records of all objects. */
export const objectsPrefix: string = storePrefix('replication', 'objects');

/** Prefix of the records of a namespace. */
export function namespacePrefix(namespace: string): string {
  return storePrefix('replication', 'objects', namespace);
}

/** Path of an object's record, which also names the object as an owner of content. */
export function objectPath(namespace: string, key: string): string {
  return storePath('replication', 'objects', namespace, key);
}

/** Reads the name of an object from the path of its record. */
export function objectNameOf(path: string): { readonly namespace: string; readonly key: string } {
  const [, , namespace, key] = storePathSegments(path);
  if (namespace === undefined || key === undefined) {
    throw replicationError('DW_REPLICATION_RECORD_CORRUPT', { details: { path } });
  }
  return { namespace, key };
}
