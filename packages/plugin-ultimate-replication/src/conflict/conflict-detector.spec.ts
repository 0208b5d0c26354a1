import { ContentStore, type PayloadReference, payloadReferenceOf } from '@datawarehouse/sdk';
import { MemoryBackingStore } from '@datawarehouse/sdk/testing';
import { describe, expect, it } from 'vitest';
import type { ObjectRecord } from '../objects/object-record.js';
import { versionSchema } from '../objects/object-version.js';
import { vectorOf } from '../objects/version-vector.js';
import { createReplicationCounters } from '../scaling/replication-counters.js';
import { ConflictDetector } from './conflict-detector.js';
import { mergeVersions } from './version-merge.js';

const parse = (text: string) => versionSchema.parse(text);

function record(text: string, content?: PayloadReference, seen: readonly string[] = []) {
  const version = parse(text);
  const context = vectorOf(seen.map(parse));
  return {
    ...{ namespace: 'n', key: 'k', version, context, floor: version, payload: content },
    ...{ updatedAtMs: 0, strategy: 'asynchronous' },
  } satisfies ObjectRecord;
}

const beside = (one: ObjectRecord): ObjectRecord => ({ ...one, floor: undefined });

/** A gibibyte that no node has: it can be told apart by its digests alone. */
const huge = (seed: number) =>
  payloadReferenceOf(
    Array.from({ length: 16_384 }, (_, at) => (at + seed).toString(16).padStart(64, '0')),
    2 ** 30,
  );
const [x, y] = [huge(1), huge(2)];

async function find(before: readonly ObjectRecord[], arriving: readonly ObjectRecord[]) {
  const counters = createReplicationCounters();
  const content = await ContentStore.open({ store: new MemoryBackingStore() });
  const detector = new ConflictDetector(content, counters);
  const after = mergeVersions(before, arriving);
  const { discarded, ...counts } = await detector.find({ before, arriving, after });
  const losers = discarded.map(({ loser, winner, isHere }) => [
    loser.version.nodeId,
    winner.version.nodeId,
    isHere,
  ]);
  return { losers, ...counts, counters };
}

const none = { losers: [], besideCount: 0, settledCount: 0 };

describe('ConflictDetector', () => {
  it('finds none in a first version, and none in a version that comes again', async () => {
    const one = record('1.0@a', x);
    expect(await find([], [one])).toMatchObject(none);
    expect(await find([one], [record('1.0@a', x)])).toMatchObject(none);
  });

  it('finds none where the later writer had seen the earlier version', async () => {
    const [one, next] = [record('1.0@a', x), record('2.0@b', y, ['1.0@a'])];
    expect(await find([one], [next])).toMatchObject(none);
    expect(await find([next], [one])).toMatchObject(none);
    expect(await find([], [one, next])).toMatchObject(none);
  });

  it('finds the loser between writers that had not seen one another, on either side', async () => {
    const [one, other] = [record('1.0@a', x), record('2.0@b', y)];
    expect(await find([one], [other])).toMatchObject({ losers: [['a', 'b', true]] });
    expect(await find([other], [one])).toMatchObject({ losers: [['a', 'b', false]] });
    const gone = record('3.0@c', undefined);
    expect(await find([other], [gone])).toMatchObject({ losers: [['b', 'c', true]] });
  });

  it('finds none where both have the same content, or both are deletions', async () => {
    const same = await find([record('1.0@a', x)], [record('2.0@b', x)]);
    expect(same).toMatchObject(none);
    expect(same.counters).toMatchObject({ comparisons: 1, shortCircuitedComparisons: 1 });
    expect(await find([record('1.0@a')], [record('2.0@b')])).toMatchObject(none);
  });

  it('compares a gibibyte by its digests, though neither content is here', async () => {
    const { counters } = await find([record('1.0@a', x)], [record('2.0@b', y)]);
    expect(counters).toMatchObject({ comparisons: 1, shortCircuitedComparisons: 1 });
  });

  it('does not call lost what its own writer has replaced since', async () => {
    const [first, second] = [record('1.0@a', x), record('2.0@a', y, ['1.0@a'])];
    expect(await find([record('3.0@b', x)], [first, second])).toMatchObject({
      losers: [['a', 'b', false]],
    });
  });

  it('counts versions that stand beside others, and those that one write settles', async () => {
    const [one, other] = [beside(record('1.0@a', x)), beside(record('2.0@b', y))];
    expect(await find([one], [other])).toMatchObject({ ...none, besideCount: 1 });
    expect(await find([one], [beside(record('2.0@b', x))])).toMatchObject(none);
    const settling = beside(record('3.0@c', x, ['1.0@a', '2.0@b']));
    expect(await find([other, one], [settling])).toMatchObject({ ...none, settledCount: 1 });
  });
});
