import type { ObjectRecord } from '../objects/object-record.js';
import { compareVersions } from '../objects/object-version.js';
import { covers } from '../objects/version-vector.js';

/** Reports whether the writer of a version had seen another one, or a later one of its node. */
export function knew(record: ObjectRecord, other: ObjectRecord): boolean {
  return covers(record.context, other.version);
}

/**
 * Reports whether a version replaces another: its writer had seen it, or it lies at or below the
 * floor. Among versions that nodes really wrote this is a strict partial order, since a writer's
 * context and floor are at least those of all that it had seen.
 */
export function replaces(record: ObjectRecord, other: ObjectRecord): boolean {
  if (compareVersions(record.version, other.version) <= 0) return false;
  const { floor } = record;
  return (floor !== undefined && compareVersions(other.version, floor) <= 0) || knew(record, other);
}

/**
 * Merges versions of one object: those stay that no other one replaces, the latest first.
 *
 * The order, the grouping and the repetition of what is merged make no difference, so nodes that
 * have got the same versions have the same state.
 */
export function mergeVersions(
  a: readonly ObjectRecord[],
  b: readonly ObjectRecord[],
): readonly ObjectRecord[] {
  const latestFirst = [...a, ...b].sort(
    (one, other) => compareVersions(other.version, one.version) || compareContents(other, one),
  );
  const kept: ObjectRecord[] = [];
  for (const record of latestFirst) {
    const last = kept.at(-1);
    if (last !== undefined && isSameVersion(last, record)) continue;
    if (!kept.some((later) => replaces(later, record))) kept.push(record);
  }
  return kept;
}

/** Reports whether two records are of the same version. */
export function isSameVersion(a: ObjectRecord, b: ObjectRecord): boolean {
  return compareVersions(a.version, b.version) === 0;
}

/** Decides between contents that a node gave one version, which a sound node never does. */
function compareContents(a: ObjectRecord, b: ObjectRecord): number {
  const [left, right] = [a.payload?.digest ?? '', b.payload?.digest ?? ''];
  if (left === right) return 0;
  return left < right ? -1 : 1;
}
