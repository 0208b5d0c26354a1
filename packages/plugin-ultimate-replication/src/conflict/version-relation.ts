import type { ObjectRecord } from '../objects/object-record.js';
import { compareVersions } from '../objects/object-version.js';

/** How a version that arrives stands to the one that is here. */
export interface VersionRelation {
  /** Whether the arriving version replaces the one here, is it, or is older. */
  readonly order: 'newer' | 'same' | 'older';
  /**
   * Whether the two were written on different nodes, neither knowing the other, with different
   * content.
   */
  readonly isConflict: boolean;
  /** Whether contents had to be compared to know that. Root digests decide. */
  readonly isCompared: boolean;
}

/**
 * Relates a version that arrives to the one that is here.
 *
 * A writer knew a version where it based its own on that version or a later one.
 */
export function relateVersions(
  local: ObjectRecord | undefined,
  remote: ObjectRecord,
): VersionRelation {
  if (local === undefined) return { order: 'newer', isConflict: false, isCompared: false };
  const compared = compareVersions(remote.version, local.version);
  if (compared === 0) return { order: 'same', isConflict: false, isCompared: false };
  const order = compared > 0 ? 'newer' : 'older';
  const [later, earlier] = compared > 0 ? [remote, local] : [local, remote];
  const knew =
    later.version.nodeId === earlier.version.nodeId ||
    (later.basedOn !== undefined && compareVersions(later.basedOn, earlier.version) >= 0);
  if (knew) return { order, isConflict: false, isCompared: false };
  const isConflict = local.payload?.digest !== remote.payload?.digest;
  return { order, isConflict, isCompared: true };
}
