import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, open, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ClassicLevelBackingStore } from '@datawarehouse/host';
import { CONTENT_CHUNK_BYTES, ContentPacks, ContentStore } from '@datawarehouse/sdk';
import {
  type BenchContext,
  type BenchRow,
  boundedRow,
  comparedRow,
  runBenchmark,
} from './support/benchmark.js';
import { interleave, rateOf } from './support/contenders.js';

const mebibyte = 1024 * 1024;
const gibibyte = 1024 * mebibyte;
const pieceBytes = mebibyte;

/** Bytes that do not compress and have no two equal chunks; the same seed gives the same bytes. */
async function* bytesOf(seed: number, sizeBytes: number): AsyncGenerator<Uint8Array> {
  const piece = randomBytes(pieceBytes);
  piece.fill(createHash('sha512').update(String(seed)).digest());
  for (let at = 0; at < sizeBytes; at += pieceBytes) {
    for (let chunk = 0; chunk < pieceBytes; chunk += CONTENT_CHUNK_BYTES) {
      piece.writeUInt32BE(seed, chunk);
      piece.writeDoubleBE(at + chunk, chunk + 4);
    }
    yield piece;
  }
}

interface OpenContent extends AsyncDisposable {
  readonly content: ContentStore;
}

/** A content store on the real store, and on packs where `isPacked`. */
async function openContent(directory: string, isPacked = true): Promise<OpenContent> {
  const store = await ClassicLevelBackingStore.open({ directory: join(directory, 'store') });
  const packs = { medium: await ContentPacks.open({ directory: join(directory, 'packs') }) };
  const content = await ContentStore.open({ store, ...(isPacked && packs) });
  return {
    content,
    [Symbol.asyncDispose]: async () => {
      await content.close();
      await store.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** How far the process grows while one content is stored. */
async function growth(folder: string): Promise<BenchRow> {
  const { bavail, bsize } = await statfs(folder);
  const sizeBytes = bavail * bsize > 12 * gibibyte ? 4 * gibibyte : gibibyte;
  await using opened = await openContent(join(folder, 'memory'));
  const before = process.memoryUsage.rss();
  let most = before;
  const look = setInterval(() => {
    most = Math.max(most, process.memoryUsage.rss());
  }, 5);
  await opened.content.put(bytesOf(1, sizeBytes), { owner: 'bench' });
  clearInterval(look);
  const name = `memory: RSS growth while ${sizeBytes / gibibyte} GiB are stored`;
  return boundedRow({ name, value: (most - before) / mebibyte, unit: 'MiB' }, 64);
}

async function rateOfHashing(seed: number): Promise<number> {
  return rateOf(1024, async () => {
    const hash = createHash('sha256');
    for await (const piece of bytesOf(seed, gibibyte)) hash.update(piece);
    hash.digest();
  });
}

/** A peer that keeps nothing but the bytes. */
async function rateOfPlainFile(path: string, seed: number): Promise<number> {
  const file = await open(path, 'w');
  const rate = await rateOf(1024, async () => {
    for await (const piece of bytesOf(seed, gibibyte)) await file.write(piece);
    await file.datasync();
  });
  await file.close();
  await rm(path);
  return rate;
}

async function rateOfStoring(
  directory: string,
  seed: number,
  { isPacked = true, sizeBytes = gibibyte } = {},
): Promise<number> {
  await using opened = await openContent(directory, isPacked);
  return await rateOf(sizeBytes / mebibyte, async () => {
    await opened.content.put(bytesOf(seed, sizeBytes), { owner: 'bench' });
  });
}

async function rates(folder: string, { seed, runs }: BenchContext): Promise<readonly BenchRow[]> {
  await using kept = await openContent(join(folder, 'kept'));
  const { content } = kept;
  const reference = await content.put(bytesOf(seed, gibibyte), { owner: 'first' });
  const other = await content.put(bytesOf(seed, gibibyte), { owner: 'second' });
  const found = await interleave(
    {
      sha256: () => rateOfHashing(seed),
      stored: () => rateOfStoring(join(folder, 'new'), seed),
      again: () =>
        rateOf(1024, async () => {
          await content.put(bytesOf(seed, gibibyte), { owner: 'again' });
        }),
      read: () =>
        rateOf(1024, async () => {
          for await (const piece of content.open(reference)) if (piece.length === 0) return;
        }),
      plain: () => rateOfPlainFile(join(folder, 'plain'), seed),
      values: () => {
        const sizeBytes = gibibyte / 8;
        return rateOfStoring(join(folder, 'values'), seed, { isPacked: false, sizeBytes });
      },
    },
    { runs },
  );
  const readsBefore = content.statistics().chunkReads;
  const startedMs = performance.now();
  const { isEqual, decidedBy, bytesRead } = await content.compare(reference, other);
  const tookMs = performance.now() - startedMs;
  const payloadBytes = bytesRead + content.statistics().chunkReads - readsBefore;
  if (!isEqual) throw new Error('Equal content was found different');
  const unit = 'MiB/s';
  return [
    { name: 'peer: SHA-256 of 1 GiB, one thread', value: found.sha256, unit },
    comparedRow({ name: 'store 1 GiB new', value: found.stored, unit }, found.sha256, 0.5),
    comparedRow({ name: 'store the same again', value: found.again, unit }, found.sha256, 0.9),
    comparedRow({ name: 'read 1 GiB, verified', value: found.read, unit }, found.sha256),
    comparedRow(
      {
        ...{ name: 'peer: 1 GiB into a plain file, one fdatasync', value: found.plain, unit },
        note: 'what the disk gives: nothing new is stored faster',
      },
      found.sha256,
    ),
    comparedRow(
      {
        ...{ name: 'store 1 GiB new, beside the plain file', value: found.stored, unit },
        note: 'ratio to the plain file',
      },
      found.plain,
    ),
    comparedRow(
      { name: 'without packs: 128 MiB new, as values of LevelDB', value: found.values, unit },
      found.sha256,
    ),
    boundedRow(
      {
        ...{ name: 'equal 1 GiB objects compared: payload read', value: payloadBytes, unit: 'B' },
        note: `decided by ${decidedBy}`,
      },
      0,
    ),
    { name: 'equal 1 GiB objects compared: time', value: tookMs, unit: 'ms' },
  ];
}

await runBenchmark({
  name: 'content',
  measure: async (context) => {
    const folder = await mkdtemp(join(tmpdir(), 'dw-bench-content-'));
    try {
      // Memory first, while the process is small.
      return [await growth(folder), ...(await rates(folder, context))];
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
});
