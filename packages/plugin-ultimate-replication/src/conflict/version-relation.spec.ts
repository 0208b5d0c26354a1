import { describe, expect, it } from 'vitest';
import type { ObjectRecord } from '../objects/object-record.js';
import { parseVersion } from '../objects/object-version.js';
import { relateVersions } from './version-relation.js';

function record(version: string, content: string | undefined, basedOn?: string): ObjectRecord {
  const parsed = parseVersion(version);
  if (parsed === undefined) throw new TypeError(version);
  return {
    namespace: 'n',
    key: 'k',
    version: parsed,
    basedOn: basedOn === undefined ? undefined : parseVersion(basedOn),
    payload: content === undefined ? undefined : { digest: content, sizeBytes: 1 },
    updatedAtMs: 0,
    strategy: 'asynchronous',
  };
}

describe('relateVersions', () => {
  it('takes anything over nothing', () => {
    expect(relateVersions(undefined, record('1.0@a', 'x'))).toMatchObject({
      order: 'newer',
      isConflict: false,
    });
  });

  it('finds a version equal to itself', () => {
    expect(relateVersions(record('1.0@a', 'x'), record('1.0@a', 'x'))).toMatchObject({
      order: 'same',
      isConflict: false,
    });
  });

  it('finds no conflict where the later writer knew the earlier version', () => {
    const local = record('1.0@a', 'x');
    const remote = record('2.0@b', 'y', '1.0@a');
    expect(relateVersions(local, remote)).toMatchObject({ order: 'newer', isConflict: false });
    expect(relateVersions(remote, local)).toMatchObject({ order: 'older', isConflict: false });
  });

  it('finds no conflict between versions of one node', () => {
    expect(relateVersions(record('1.0@a', 'x'), record('5.0@a', 'y', '4.0@a'))).toMatchObject({
      isConflict: false,
    });
  });

  it('finds a conflict between writers that did not know one another', () => {
    const one = record('1.0@a', 'x', '0.0@c');
    const other = record('2.0@b', 'y', '0.0@c');
    expect(relateVersions(one, other)).toEqual({
      order: 'newer',
      isConflict: true,
      isCompared: true,
    });
    expect(relateVersions(other, one)).toMatchObject({ order: 'older', isConflict: true });
    expect(relateVersions(one, record('2.0@b', undefined))).toMatchObject({ isConflict: true });
  });

  it('finds no conflict where both wrote the same content, or both deleted', () => {
    expect(relateVersions(record('1.0@a', 'x'), record('2.0@b', 'x'))).toEqual({
      order: 'newer',
      isConflict: false,
      isCompared: true,
    });
    expect(relateVersions(record('1.0@a', undefined), record('2.0@b', undefined))).toMatchObject({
      isConflict: false,
    });
  });
});
