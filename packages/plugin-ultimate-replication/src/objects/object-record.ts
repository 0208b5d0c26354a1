import type { PayloadReference } from '@datawarehouse/sdk';
import { z } from 'zod';
import { decodeStored, encodeStored } from '../persistence/stored-json.js';
import { isObjectName, objectPath } from './object-name.js';
import { formatVersion, type ObjectVersion, versionSchema } from './object-version.js';

/** The latest version of an object that a node knows. */
export interface ObjectRecord {
  readonly namespace: string;
  readonly key: string;
  readonly version: ObjectVersion;
  /** Version that the writer saw before it wrote this one. */
  readonly basedOn?: ObjectVersion | undefined;
  /** What it holds; absent where the object is deleted, and the record a tombstone. */
  readonly payload?: PayloadReference | undefined;
  readonly contentType?: string | undefined;
  /** Milliseconds since the epoch, by the writer's clock. */
  readonly updatedAtMs: number;
  /** Name of the strategy that it was written under. */
  readonly strategy: string;
}

/** A namespace or a key in messages and stored records. */
export const objectNameSchema = z.string().refine(isObjectName, 'is no object name');

/** A payload reference in messages and stored records. */
export const payloadSchema = z.object({
  digest: z.string().regex(/^sha256(?:-chunks)?:[0-9a-f]{64}$/),
  sizeBytes: z.int().min(0),
});

const contentTypePattern = /^[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?$/;

/** Reports whether a text may be a content type: it is sent as a header again. */
export function isContentType(text: string): boolean {
  return contentTypePattern.test(text);
}

/** What records and events of an object have in common. */
export const objectFields = {
  namespace: objectNameSchema,
  key: objectNameSchema,
  version: versionSchema,
  basedOn: versionSchema.optional(),
  payload: payloadSchema.optional(),
  contentType: z.string().refine(isContentType, 'is no content type').optional(),
  strategy: z.string().max(64),
};

const recordSchema = z.object({
  v: z.literal(1),
  ...objectFields,
  updatedAtMs: z.number(),
});

/** Encodes a record for the store. */
export function encodeRecord(record: ObjectRecord): Uint8Array {
  return encodeStored({ v: 1, ...record, ...versionTexts(record) });
}

/**
 * Decodes a stored record.
 *
 * @throws {@link DwError} `DW_REPLICATION_RECORD_CORRUPT`.
 */
export function decodeRecord(path: string, data: Uint8Array): ObjectRecord {
  const stored = decodeStored(path, data, recordSchema);
  return { ...pickObjectFields(stored), updatedAtMs: stored.updatedAtMs };
}

/** Leaves out what belongs to the encoding. */
export function pickObjectFields(
  encoded: Omit<ObjectRecord, 'updatedAtMs'>,
): Omit<ObjectRecord, 'updatedAtMs'> {
  const { namespace, key, version, basedOn, payload, contentType, strategy } = encoded;
  return { namespace, key, version, basedOn, payload, contentType, strategy };
}

/** The versions of a record in their written form. */
export function versionTexts(record: Pick<ObjectRecord, 'version' | 'basedOn'>): {
  readonly version: string;
  readonly basedOn: string | undefined;
} {
  const { version, basedOn } = record;
  return {
    version: formatVersion(version),
    basedOn: basedOn === undefined ? undefined : formatVersion(basedOn),
  };
}

/** Path of a record. */
export function recordPath(record: Pick<ObjectRecord, 'namespace' | 'key'>): string {
  return objectPath(record.namespace, record.key);
}
