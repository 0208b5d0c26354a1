import { z } from 'zod';
import { decodeStored, encodeStored } from '../persistence/stored-json.js';
import {
  firstFormFields,
  type ObjectRecord,
  objectNameSchema,
  recordPath,
  versionFields,
  versionOf,
  versionTexts,
} from './object-record.js';
import { joinVectors, type VersionVector, vectorOf } from './version-vector.js';

/** What a node has of an object: the versions that no other one replaces, the latest first. */
export type ObjectState = readonly [ObjectRecord, ...ObjectRecord[]];

const nameFields = { namespace: objectNameSchema, key: objectNameSchema };

const stateSchema = z.union([
  z.object({
    v: z.literal(2),
    ...nameFields,
    versions: z.tuple([storedVersion()], storedVersion()),
  }),
  z.object({
    v: z.literal(1),
    ...nameFields,
    ...versionFields,
    ...firstFormFields,
    updatedAtMs: z.number(),
  }),
]);

function storedVersion() {
  return z.object({ ...versionFields, updatedAtMs: z.number() });
}

/** Encodes a state for the store. */
export function encodeState(state: ObjectState): Uint8Array {
  const { namespace, key } = state[0];
  const versions = state.map((record) => {
    const { payload, contentType, updatedAtMs, strategy } = record;
    return { ...versionTexts(record), payload, contentType, updatedAtMs, strategy };
  });
  return encodeStored({ v: 2, namespace, key, versions });
}

/**
 * Decodes a stored state, or the single record that an earlier release stored.
 *
 * @throws {@link DwError} `DW_REPLICATION_RECORD_CORRUPT`.
 */
export function decodeState(path: string, data: Uint8Array): ObjectState {
  const stored = decodeStored(path, data, stateSchema);
  const { namespace, key } = stored;
  if (stored.v === 1) return [{ namespace, key, ...versionOf(stored, stored.updatedAtMs) }];
  const [first, ...others] = stored.versions;
  const recordOf = (read: typeof first): ObjectRecord => ({
    namespace,
    key,
    ...versionOf(read, read.updatedAtMs),
  });
  return [recordOf(first), ...others.map(recordOf)];
}

/** What somebody has seen who has seen these versions. */
export function contextOf(versions: readonly ObjectRecord[]): VersionVector {
  return joinVectors([
    vectorOf(versions.map(({ version }) => version)),
    ...versions.map(({ context }) => context),
  ]);
}

/** The version that a reader of one version gets: the latest that is no deletion. */
export function visibleOf(state: ObjectState): ObjectRecord | undefined {
  return state.find(({ payload }) => payload !== undefined);
}

/** Path of the record of a state. */
export function statePath(state: ObjectState): string {
  return recordPath(state[0]);
}
