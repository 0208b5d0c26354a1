import { sha256Hex, storePath, storePrefix } from '@datawarehouse/sdk';
import { z } from 'zod';
import {
  type ObjectRecord,
  objectNameSchema,
  recordPath,
  versionFields,
  versionOf,
  versionTexts,
} from '../objects/object-record.js';
import { formatVersion, type ObjectVersion, versionSchema } from '../objects/object-version.js';
import { decodeStored, encodeStored } from '../persistence/stored-json.js';

/** Two concurrent versions of which one is discarded. */
export interface Conflict {
  readonly loser: ObjectRecord;
  readonly winner: ObjectRecord;
  /** Whether the content of the loser is on this node. */
  readonly isHere: boolean;
}

/** What the conflict log keeps of a conflict. */
export interface ConflictEntry {
  /** The same for the same discarded version, on every node. Ascends with the time of its writing. */
  readonly id: string;
  /** The version that was discarded. */
  readonly loser: ObjectRecord;
  /** The version that stayed. */
  readonly winner: ObjectVersion;
  /** Who decided: the node, and the name of the resolver. */
  readonly decidedBy: string;
  readonly resolver: string;
  /** Milliseconds since the epoch. */
  readonly decidedAtMs: number;
  /** Whether the discarded content is held on this node. */
  readonly isHeld: boolean;
}

/** Prefix of the entries. */
export const conflictsPrefix: string = storePrefix('replication', 'conflicts');

const idPattern = /^\d{16}-[0-9a-f]{32}$/;

const entrySchema = z.object({
  v: z.literal(1),
  namespace: objectNameSchema,
  key: objectNameSchema,
  loser: z.object({ ...versionFields, updatedAtMs: z.number() }),
  winner: versionSchema,
  decidedBy: z.string(),
  resolver: z.string(),
  decidedAtMs: z.number(),
  isHeld: z.boolean(),
});

/** Id of the conflict that a version has lost. */
export function conflictIdOf(loser: ObjectRecord): string {
  const version = formatVersion(loser.version);
  const digest = sha256Hex(Buffer.from(`${version} ${recordPath(loser)}`, 'utf8'));
  return `${String(loser.version.physicalMs).padStart(16, '0')}-${digest.slice(0, 32)}`;
}

/** Reports whether a text may be the id of a conflict. */
export function isConflictId(text: string): boolean {
  return idPattern.test(text);
}

/** Path of an entry, which also names it as an owner of content. */
export function conflictPath(id: string): string {
  return storePath('replication', 'conflicts', id);
}

export function encodeConflict(entry: ConflictEntry): Uint8Array {
  const { loser, winner, decidedBy, resolver, decidedAtMs, isHeld } = entry;
  const { namespace, key, payload, contentType, updatedAtMs, strategy } = loser;
  return encodeStored({
    ...{
      v: 1,
      namespace,
      key,
      winner: formatVersion(winner),
      decidedBy,
      resolver,
      decidedAtMs,
      isHeld,
    },
    loser: { ...versionTexts(loser), payload, contentType, updatedAtMs, strategy },
  });
}

/**
 * Decodes what {@link encodeConflict} wrote.
 *
 * @throws {@link DwError} `DW_REPLICATION_RECORD_CORRUPT`.
 */
export function decodeConflict(path: string, data: Uint8Array): ConflictEntry {
  const { namespace, key, loser, ...rest } = decodeStored(path, data, entrySchema);
  const { winner, decidedBy, resolver, decidedAtMs, isHeld } = rest;
  return {
    id: path.slice(conflictsPrefix.length),
    loser: { namespace, key, ...versionOf(loser, loser.updatedAtMs) },
    ...{ winner, decidedBy, resolver, decidedAtMs, isHeld },
  };
}
