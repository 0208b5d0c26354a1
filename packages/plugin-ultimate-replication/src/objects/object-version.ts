import { NODE_ID_PATTERN } from '@datawarehouse/sdk';
import { z } from 'zod';

/**
 * Version of an object: a reading of a hybrid logical clock (Kulkarni et al., "Logical Physical
 * Clocks", 2014). Versions are totally ordered, the same on every node.
 */
export interface ObjectVersion {
  /** Milliseconds since the epoch. */
  readonly physicalMs: number;
  /** Orders versions of one millisecond. */
  readonly logical: number;
  /** Node that wrote it; decides ties. */
  readonly nodeId: string;
}

/** Orders versions: negative where `a` is older than `b`, 0 where they are the same. */
export function compareVersions(a: ObjectVersion, b: ObjectVersion): number {
  if (a.physicalMs !== b.physicalMs) return a.physicalMs - b.physicalMs;
  if (a.logical !== b.logical) return a.logical - b.logical;
  if (a.nodeId === b.nodeId) return 0;
  return a.nodeId < b.nodeId ? -1 : 1;
}

/** Writes a version as `<milliseconds>.<logical>@<node>`. */
export function formatVersion(version: ObjectVersion): string {
  return `${version.physicalMs}.${version.logical}@${version.nodeId}`;
}

const versionText = /^(\d{1,16})\.(\d{1,16})@(.+)$/;

/** Reads what {@link formatVersion} wrote; `undefined` where it is none. */
export function parseVersion(text: string): ObjectVersion | undefined {
  const [, physical, logical, nodeId] = versionText.exec(text) ?? [];
  if (nodeId === undefined || !NODE_ID_PATTERN.test(nodeId)) return undefined;
  const version = { physicalMs: Number(physical), logical: Number(logical), nodeId };
  const isSafe = Number.isSafeInteger(version.physicalMs) && Number.isSafeInteger(version.logical);
  return isSafe ? version : undefined;
}

/** A version in its written form, in messages and stored records. */
export const versionSchema = z.string().transform((text, context): ObjectVersion => {
  const version = parseVersion(text);
  if (version !== undefined) return version;
  context.addIssue({ code: 'custom', message: 'is no version' });
  return z.NEVER;
});
