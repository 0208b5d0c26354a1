import { z } from 'zod';
import { replicationError } from '../errors/replication-errors.js';
import {
  compareVersions,
  formatVersion,
  type ObjectVersion,
  versionSchema,
} from './object-version.js';

/**
 * What a writer had seen of an object: of each node that wrote it, the greatest version. Versions
 * of one node only grow, so it stands for all earlier ones of that node as well (Preguiça et al.,
 * "Dotted Version Vectors", 2012).
 */
export type VersionVector = ReadonlyMap<string, ObjectVersion>;

/** Nodes that one vector remembers; those with the oldest versions go. */
const maxNodes = 64;

/** A writer that had seen nothing. */
export const emptyVector: VersionVector = new Map();

/** Reports whether a vector covers a version. */
export function covers(vector: VersionVector, version: ObjectVersion): boolean {
  const seen = vector.get(version.nodeId);
  return seen !== undefined && compareVersions(seen, version) >= 0;
}

/** Makes the vector that covers exactly these versions and what comes before each on its node. */
export function vectorOf(versions: Iterable<ObjectVersion>): VersionVector {
  const greatest = new Map<string, ObjectVersion>();
  for (const version of versions) {
    if (!covers(greatest, version)) greatest.set(version.nodeId, version);
  }
  return greatest;
}

/** Makes the vector that covers what any of the vectors covers. */
export function joinVectors(vectors: Iterable<VersionVector>): VersionVector {
  return vectorOf([...vectors].flatMap((vector) => [...vector.values()]));
}

/**
 * Leaves out what a vector has no room for: the nodes with the oldest versions. A version that it
 * covered may look concurrent then; never the other way round.
 */
export function boundVector(vector: VersionVector): VersionVector {
  if (vector.size <= maxNodes) return vector;
  const latest = [...vector.values()].sort((a, b) => compareVersions(b, a)).slice(0, maxNodes);
  return vectorOf(latest);
}

/** Writes a vector as the texts of its versions, in the order of their nodes. */
export function vectorTexts(vector: VersionVector): readonly string[] {
  return [...vector.values()].sort((a, b) => (a.nodeId < b.nodeId ? -1 : 1)).map(formatVersion);
}

/** A vector in its written form, in messages and stored records. */
export const vectorSchema = z
  .array(versionSchema)
  .max(4 * maxNodes)
  .transform((versions): VersionVector => vectorOf(versions));

/** Writes a vector as one text, which callers hand back with what they write. */
export function formatContext(vector: VersionVector): string {
  return vectorTexts(vector).join(',');
}

/**
 * Reads what {@link formatContext} wrote.
 *
 * @throws {@link DwError} `DW_REPLICATION_INVALID_CONTEXT`.
 */
export function parseContext(text: string): VersionVector {
  const result = vectorSchema.safeParse(text === '' ? [] : text.split(','));
  if (result.success) return result.data;
  throw replicationError('DW_REPLICATION_INVALID_CONTEXT');
}
