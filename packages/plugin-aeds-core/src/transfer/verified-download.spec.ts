import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CONTENT_CHUNK_BYTES, ConcurrencyLimit } from '@datawarehouse/sdk';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { IntentManifest } from '../manifests/intent-manifest.js';
import { chunkDigestsOf, payloadOf } from '../testing/samples.js';
import { runsOf } from './chunk-plan.js';
import { downloadVerified, type PayloadSource } from './verified-download.js';

const chunks = 20;
const bytes = randomBytes(chunks * CONTENT_CHUNK_BYTES - 1000);
const payload = payloadOf(bytes);
const mismatch = { code: 'DW_AEDS_PAYLOAD_MISMATCH' };

describe('downloadVerified', () => {
  let quarantine: string;
  let fetched: [number, number][];

  beforeEach(async () => {
    quarantine = await mkdtemp(join(tmpdir(), 'dw-download-'));
    fetched = [];
  });
  afterEach(() => rm(quarantine, { recursive: true, force: true }));

  const sourceOf = (
    read: (start: number, end: number) => Uint8Array | Promise<Uint8Array> = (start, end) =>
      bytes.subarray(start, end),
  ): PayloadSource => ({
    chunkDigests: async () => chunkDigestsOf(bytes),
    read: async (start, end) => {
      fetched.push([start, end]);
      return await read(start, end);
    },
  });

  const download = (
    source: PayloadSource,
    options: {
      readonly payload?: IntentManifest['payload'];
      readonly signal?: AbortSignal;
      readonly chunkSizeBytes?: number;
      readonly onProgress?: (done: number) => void;
    } = {},
  ): Promise<string> =>
    downloadVerified({
      payload: options.payload ?? payload,
      source,
      quarantine,
      settings: () => ({
        chunkSizeBytes: options.chunkSizeBytes ?? CONTENT_CHUNK_BYTES,
        maxConcurrentChunks: 4,
      }),
      requests: new ConcurrencyLimit(3),
      onProgress: options.onProgress ?? (() => undefined),
      signal: options.signal ?? new AbortController().signal,
    });

  it('fetches every byte once, in parallel, within the bound', async () => {
    let running = 0;
    let most = 0;
    const path = await download(
      sourceOf(async (start, end) => {
        most = Math.max(most, (running += 1));
        await new Promise(setImmediate);
        running -= 1;
        return bytes.subarray(start, end);
      }),
    );
    expect((await readFile(path)).equals(bytes)).toBe(true);
    expect(fetched).toHaveLength(chunks);
    expect(most).toBe(3);
  });

  it('asks for as much at once as it was told to', async () => {
    await download(sourceOf(), { chunkSizeBytes: 8 * CONTENT_CHUNK_BYTES + 5 });
    const size = 8 * CONTENT_CHUNK_BYTES;
    expect(fetched.sort(([a], [b]) => a - b)).toEqual([
      [0, size],
      [size, 2 * size],
      [2 * size, bytes.byteLength],
    ]);
  });

  it.each([0, 1, CONTENT_CHUNK_BYTES - 1, CONTENT_CHUNK_BYTES, CONTENT_CHUNK_BYTES + 1])(
    'fetches %d bytes',
    async (length) => {
      const some = bytes.subarray(0, length);
      const path = await download(sourceOf(), { payload: payloadOf(some) });
      expect((await readFile(path)).equals(some)).toBe(true);
    },
  );

  it('fetches after an interruption only what is missing', async () => {
    const stop = new AbortController();
    const interrupted = download(
      sourceOf((start, end) => {
        if (fetched.length > 7) stop.abort(new Error('killed'));
        return bytes.subarray(start, end);
      }),
      { signal: stop.signal },
    );
    await expect(interrupted).rejects.toThrow('killed');
    const before = new Set(fetched.map(([start]) => start));
    fetched = [];
    const progress: number[] = [];
    const path = await download(sourceOf(), { onProgress: (done) => progress.push(done) });
    expect((await readFile(path)).equals(bytes)).toBe(true);
    // What was in flight may be lost; nothing else is.
    const again = fetched.filter(([start]) => before.has(start));
    expect(again.length).toBeLessThanOrEqual(4);
    expect(fetched.length).toBeLessThanOrEqual(chunks - 7 + 4);
    expect(progress[0]).toBeGreaterThan(0);
    expect(progress.at(-1)).toBe(bytes.byteLength);
  });

  it('believes nothing that an earlier attempt, or somebody else, left in the part file', async () => {
    const damaged = Buffer.from(bytes);
    damaged[5 * CONTENT_CHUNK_BYTES] = (damaged[5 * CONTENT_CHUNK_BYTES] ?? 0) ^ 1;
    await writeFile(join(quarantine, 'payload.part'), Buffer.concat([damaged, Buffer.alloc(99)]));
    expect((await readFile(await download(sourceOf()))).equals(bytes)).toBe(true);
    expect(fetched).toEqual([[5 * CONTENT_CHUNK_BYTES, 6 * CONTENT_CHUNK_BYTES]]);
  });

  it('does not write through a link', async () => {
    const elsewhere = join(quarantine, 'elsewhere');
    await writeFile(elsewhere, 'precious');
    await symlink(elsewhere, join(quarantine, 'payload.part'));
    await expect(download(sourceOf())).rejects.toMatchObject({ code: 'DW_AEDS_FILE_IO' });
    expect(await readFile(elsewhere, 'utf8')).toBe('precious');
  });

  it('fetches a poisoned chunk again, and finishes', async () => {
    let poisoned = 0;
    const path = await download(
      sourceOf((start, end) => {
        if (start !== 0 || poisoned >= 2) return bytes.subarray(start, end);
        poisoned += 1;
        return Buffer.alloc(end - start, poisoned);
      }),
    );
    expect((await readFile(path)).equals(bytes)).toBe(true);
    expect(fetched).toHaveLength(chunks + 2);
  });

  it.each([
    ['altered', (start: number, end: number) => Buffer.alloc(end - start)],
    ['short', (start: number, end: number) => bytes.subarray(start, end - 1)],
    ['long', (start: number, end: number) => bytes.subarray(start, end + 1)],
    ['moved', (start: number, end: number) => bytes.subarray(start + 1, end + 1)],
  ])('refuses %s bytes', async (_what, read) => {
    await expect(download(sourceOf(read))).rejects.toMatchObject(mismatch);
  });

  it('refuses a list of chunks that is not the payload’s', async () => {
    const { chunkHashes, ...withoutList } = payload;
    expect(chunkHashes).toHaveLength(chunks);
    const path = await download(sourceOf(), { payload: withoutList });
    expect((await readFile(path)).equals(bytes)).toBe(true);
    const digests = [...chunkDigestsOf(bytes)];
    for (const list of [
      digests.toReversed(),
      digests.slice(1),
      [...digests, digests[0] ?? ''],
      [],
    ]) {
      const source = { ...sourceOf(), chunkDigests: async () => list };
      await expect(download(source, { payload: withoutList })).rejects.toMatchObject(mismatch);
    }
  });

  it('refuses a whole that is not the signed one, whatever its chunks are', async () => {
    const contentHash = `sha256:${'0'.repeat(64)}`;
    const claimed = download(sourceOf(), { payload: { ...payload, contentHash } });
    await expect(claimed).rejects.toMatchObject(mismatch);
  });

  it('stops everything at the first failure, and says which', async () => {
    const failure = new Error('gone');
    await expect(download(sourceOf(() => Promise.reject(failure)))).rejects.toBe(failure);
    expect(fetched.length).toBeLessThanOrEqual(4);
  });
});

describe('runsOf', () => {
  it('groups neighbours, up to a number', () => {
    expect([...runsOf([0, 1, 2, 3, 5, 6, 9], () => 3)]).toEqual([
      { first: 0, count: 3 },
      { first: 3, count: 1 },
      { first: 5, count: 2 },
      { first: 9, count: 1 },
    ]);
    expect([...runsOf([], () => 3)]).toEqual([]);
  });
});
