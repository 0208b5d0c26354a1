import type { PayloadReference } from '@datawarehouse/sdk';
import { z } from 'zod';
import { isObjectName, objectPath } from './object-name.js';
import { formatVersion, type ObjectVersion, versionSchema } from './object-version.js';
import { type VersionVector, vectorOf, vectorSchema, vectorTexts } from './version-vector.js';

/** One version of an object. */
export interface ObjectRecord {
  readonly namespace: string;
  readonly key: string;
  readonly version: ObjectVersion;
  /** What its writer had seen of the object. The version itself is not in it. */
  readonly context: VersionVector;
  /**
   * Every version up to this one is replaced by the record, whether its writer knew it or not: the
   * record's own version where the latest wins, an inherited one or none where concurrent versions
   * are kept.
   */
  readonly floor?: ObjectVersion | undefined;
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

/** What every written form of a version has, beside its time. */
export const versionFields = {
  version: versionSchema,
  context: vectorSchema.optional(),
  /** Present where the record leaves concurrent versions beside it. */
  siblings: z.literal(true).optional(),
  floor: versionSchema.optional(),
  payload: payloadSchema.optional(),
  contentType: z.string().refine(isContentType, 'is no content type').optional(),
  strategy: z.string().max(64),
};

/** The one thing that the first written form has in their place: the version that was replaced. */
export const firstFormFields = { basedOn: versionSchema.optional() };

/** A version as its written form gives it. */
type ReadFields = Readonly<z.output<z.ZodObject<typeof versionFields & typeof firstFormFields>>>;

/** A version of an object without the object's name. */
export type VersionFields = Omit<ObjectRecord, 'namespace' | 'key'>;

/** Makes a version of what was read in either written form. */
export function versionOf(read: ReadFields, updatedAtMs: number): VersionFields {
  const { version, payload, contentType, strategy } = read;
  return {
    version,
    context: read.context ?? firstFormContext(version, read.basedOn),
    floor: read.siblings === undefined ? version : read.floor,
    payload,
    contentType,
    updatedAtMs,
    strategy,
  };
}

/** The versions and flags of a record in their written form; `JSON.stringify` drops what is not. */
export function versionTexts(record: Pick<ObjectRecord, 'version' | 'context' | 'floor'>) {
  const { version, context, floor } = record;
  const text = formatVersion(version);
  const floorText = floor && formatVersion(floor);
  return {
    version: text,
    context: vectorTexts(context),
    ...(floorText === text ? { floor: undefined } : { siblings: true, floor: floorText }),
  };
}

/** A writer of the first form had seen what it replaced, and all of its own node. */
function firstFormContext(
  version: ObjectVersion,
  basedOn: ObjectVersion | undefined,
): VersionVector {
  const { physicalMs, logical, nodeId } = version;
  const seen = basedOn === undefined ? [] : [basedOn];
  if (logical > 0) seen.push({ physicalMs, logical: logical - 1, nodeId });
  else if (physicalMs > 0) {
    seen.push({ physicalMs: physicalMs - 1, logical: Number.MAX_SAFE_INTEGER, nodeId });
  }
  return vectorOf(seen);
}

/** Path of the record of an object. */
export function recordPath(record: Pick<ObjectRecord, 'namespace' | 'key'>): string {
  return objectPath(record.namespace, record.key);
}
