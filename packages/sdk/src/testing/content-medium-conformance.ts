import assert from 'node:assert/strict';
import { DwError } from '../errors/dw-error.js';
import type {
  ContentLocation,
  ContentMedium,
  ContentMediumChunk,
} from '../persistence/content-medium.js';
import { hashChunks } from '../persistence/digest-list.js';
import { type ConformanceTest, defaultTimeLimitMs, prove } from './conformance.js';

/** What {@link contentMediumConformance} needs. */
export interface ContentMediumConformanceOptions {
  /** Registers a test, such as `it` of vitest. */
  readonly test: ConformanceTest;
  /** Opens an empty medium. Called once a test; the suite closes what it gets. */
  readonly open: () => Promise<ContentMedium>;
  /**
   * Opens again the medium that `open` gave last, which has been closed. Needed where it claims
   * more than `memory`.
   */
  readonly reopen?: () => Promise<ContentMedium>;
  /**
   * Most time that a clause may take, in milliseconds.
   * @defaultValue 10000
   */
  readonly timeLimitMs?: number;
}

type Clause = (medium: ContentMedium) => Promise<void>;

/** Registers one test per clause of the {@link ContentMedium} contract. */
export function contentMediumConformance(options: ContentMediumConformanceOptions): void {
  const { test, open, timeLimitMs = defaultTimeLimitMs } = options;
  const claims: Record<string, Clause> = {
    'what was synced outlives close(), and no name is used twice, where it claims durability': (
      medium,
    ) => proveDurability(medium, options),
  };
  for (const [name, clause] of Object.entries({ ...clauses, ...claims })) {
    test(name, () => prove(open, clause, timeLimitMs));
  }
}

const clauses: Record<string, Clause> = {
  'read() gives what append() took, before sync() and after': async (medium) => {
    const chunks = [chunkOf(1, 10), chunkOf(2, 65_536), chunkOf(3, 1)];
    const locations = await medium.append(chunks);
    await assertHeld(medium, chunks, locations);
    await medium.sync(segmentsOf(locations));
    await assertHeld(medium, chunks, locations);
  },
  'append() keeps its own copy of the bytes': async (medium) => {
    const chunk = chunkOf(1, 100);
    const data = chunk.data.slice();
    const locations = await medium.append([{ ...chunk, data }]);
    data.fill(0);
    await assertHeld(medium, [chunk], locations);
  },
  'a location has the size of its chunk, and a name that an index can keep': async (medium) => {
    const [location] = await medium.append([chunkOf(1, 77)]);
    assert.equal(location?.sizeBytes, 77);
    assert.match(location.segment, /^[A-Za-z0-9-]{1,64}$/);
    assert.ok(Number.isSafeInteger(location.offset) && location.offset >= 0);
  },
  'later appends change nothing of earlier ones': async (medium) => {
    const chunks: ContentMediumChunk[] = [];
    const locations: ContentLocation[] = [];
    for (let index = 0; index < 40; index += 1) {
      const some = [chunkOf(index, 50_000), chunkOf(100 + index, 1_000 + index)];
      chunks.push(...some);
      locations.push(...(await medium.append(some)));
    }
    await assertHeld(medium, chunks, locations);
  },
  'activeSegment, segments() and sizeOf() tell of what was appended': async (medium) => {
    assert.deepEqual(await medium.segments(), []);
    const [location] = await medium.append([chunkOf(1, 500)]);
    assert.ok(location);
    assert.equal(medium.activeSegment, location.segment);
    assert.deepEqual(await medium.segments(), [location.segment]);
    assert.ok((await medium.sizeOf(location.segment)) >= 500);
    assert.equal(await medium.sizeOf('none'), 0);
  },
  'remove() takes a segment away, also the active one; another name follows': async (medium) => {
    const [location] = await medium.append([chunkOf(1, 500)]);
    assert.ok(location);
    await medium.remove(location.segment);
    await medium.remove('none');
    assert.equal(await medium.read(location), undefined);
    assert.deepEqual(await medium.segments(), []);
    const chunk = chunkOf(2, 300);
    const locations = await medium.append([chunk]);
    assert.notEqual(locations[0]?.segment, location.segment);
    await assertHeld(medium, [chunk], locations);
  },
  'read() gives nothing rather than too little': async (medium) => {
    const [location] = await medium.append([chunkOf(1, 500)]);
    assert.ok(location);
    assert.equal(await medium.read({ ...location, sizeBytes: 501 }), undefined);
    assert.equal(await medium.read({ ...location, segment: 'none' }), undefined);
  },
  'after close() every method rejects with DW_STORE_CLOSED': async (medium) => {
    const [location] = await medium.append([chunkOf(1, 10)]);
    assert.ok(location);
    await Promise.all([medium.close(), medium.close()]);
    await medium.close();
    const calls: (() => Promise<unknown>)[] = [
      () => medium.append([chunkOf(1, 10)]),
      () => medium.sync([location.segment]),
      () => medium.read(location),
      () => medium.segments(),
      () => medium.sizeOf(location.segment),
      () => medium.remove(location.segment),
    ];
    for (const call of calls) {
      await assert.rejects(call, (error) => DwError.is(error, 'DW_STORE_CLOSED'));
    }
  },
};

async function proveDurability(
  medium: ContentMedium,
  { reopen }: ContentMediumConformanceOptions,
): Promise<void> {
  const claim = medium.capabilities.durability;
  if (claim === 'memory') return;
  assert.ok(reopen, `the medium claims ${claim}: pass \`reopen\` to prove it`);
  const chunks = [chunkOf(1, 65_536), chunkOf(2, 10)];
  const locations = await medium.append(chunks);
  await medium.sync(segmentsOf(locations));
  const before = await medium.segments();
  await medium.close();
  await using reopened = await reopen();
  await assertHeld(reopened, chunks, locations);
  assert.deepEqual(await reopened.segments(), before);
  const [location] = await reopened.append([chunkOf(3, 10)]);
  assert.ok(location && !before.includes(location.segment));
  await assertHeld(reopened, chunks, locations);
}

function chunkOf(seed: number, sizeBytes: number): ContentMediumChunk {
  const data = Uint8Array.from({ length: sizeBytes }, (_, index) => (index * 31 + seed * 7) % 251);
  return { digest: Buffer.from(hashChunks(data)).toString('hex'), data };
}

function segmentsOf(locations: readonly ContentLocation[]): readonly string[] {
  return [...new Set(locations.map(({ segment }) => segment))];
}

async function assertHeld(
  medium: ContentMedium,
  chunks: readonly ContentMediumChunk[],
  locations: readonly ContentLocation[],
): Promise<void> {
  assert.equal(locations.length, chunks.length);
  for (const [index, location] of locations.entries()) {
    const data = await medium.read(location);
    assert.ok(data !== undefined && Buffer.compare(data, chunks[index]?.data ?? data) === 0);
  }
}
