import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DwError, storePath, storePrefix } from '@datawarehouse/sdk';
import { ClassicLevel } from 'classic-level';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ClassicLevelBackingStore } from './classic-level-backing-store.js';

const pathOf = (index: number): string => storePath('t', String(1_000 + index));
const valueOf = (index: number, round: number): Buffer =>
  Buffer.from(`value ${index} of round ${round}, `.repeat(3 + (index % 20)));

/** What reading everything gave. */
interface Outcome {
  readonly right: number;
  readonly corrupt: readonly string[];
  /** Old bytes, or nothing where something was acknowledged. */
  readonly wrong: readonly string[];
}

describe('a store whose files are damaged', () => {
  let root: string;
  let directory: string;
  let expected: Map<string, Buffer | undefined>;

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'dw-damage-'));
    directory = join(root, 'store');
    expected = new Map();
  });

  afterEach(async () => {
    await rm(root, { recursive: true, force: true });
  });

  const open = (from = directory) => ClassicLevelBackingStore.open({ directory: from });

  /** Writes everything, then some of it again, in commits of 50; and deletes one. */
  async function writeRound(round: number): Promise<void> {
    await using store = await open();
    for (let start = 0; start < 1_000; start += 50) {
      const indices = Array.from({ length: 50 }, (_, offset) => start + offset);
      const written = indices.filter((index) => index % (round + 1) === 0);
      for (const index of written) expected.set(pathOf(index), valueOf(index, round));
      await store.batch(
        written.map((index) => ({
          type: 'write',
          path: pathOf(index),
          data: valueOf(index, round),
        })),
      );
    }
    expected.set(pathOf(5 + round), undefined);
    await store.delete(pathOf(5 + round));
  }

  /** Makes LevelDB put what its log has into a table. */
  async function intoTables(): Promise<void> {
    const level = new ClassicLevel(directory);
    await level.open();
    await level.close();
  }

  async function filesLike(pattern: RegExp): Promise<readonly string[]> {
    return (await readdir(directory)).filter((name) => pattern.test(name));
  }

  /** A copy of the closed store with one file changed. */
  async function damagedCopy(file: string, change: (bytes: Buffer) => Uint8Array): Promise<string> {
    const copy = join(root, 'copy');
    await rm(copy, { recursive: true, force: true });
    await mkdir(copy);
    for (const name of await readdir(directory)) {
      if ((await stat(join(directory, name))).isFile()) {
        await copyFile(join(directory, name), join(copy, name));
      }
    }
    await writeFile(join(copy, file), change(await readFile(join(directory, file))));
    return copy;
  }

  async function readAll(store: ClassicLevelBackingStore): Promise<Outcome> {
    let right = 0;
    const corrupt: string[] = [];
    const wrong: string[] = [];
    for (const [path, value] of expected) {
      try {
        const data = await store.read(path);
        const isRight = value === undefined ? data === undefined : data && value.equals(data);
        if (isRight === true) right += 1;
        else wrong.push(path);
      } catch (error) {
        if (!DwError.is(error, 'DW_STORE_CORRUPT')) throw error;
        expect(error.details).toMatchObject({ path });
        corrupt.push(path);
      }
    }
    return { right, corrupt, wrong };
  }

  const flip = (bit: number) => (bytes: Buffer) => {
    bytes[bit >>> 3] = (bytes[bit >>> 3] ?? 0) ^ (1 << (bit & 7));
    return bytes;
  };
  const junk = (at: number) => (bytes: Buffer) => bytes.fill(0xa5, at, at + 30);

  it.each([
    ['log', /^\d+\.log$/],
    ['table', /\.ldb$/],
    ['manifest', /^(?:MANIFEST-|CURRENT)/],
  ])(
    'gives every value back after one flipped bit in a %s',
    async (_, pattern) => {
      await writeRound(0);
      if (pattern.source.includes('ldb')) {
        await intoTables();
        await writeRound(1);
        await intoTables();
      }
      for (const file of await filesLike(pattern)) {
        const { size } = await stat(join(directory, file));
        const step = Math.max(1, Math.floor((8 * size) / 16));
        for (let bit = Math.floor(Math.random() * step); bit < 8 * size; bit += step) {
          await using store = await open(await damagedCopy(file, flip(bit)));
          expect(store.recovery.findings, `bit ${bit} of ${file}`).toMatchObject([
            { kind: 'repaired', file },
          ]);
          expect(await readAll(store)).toEqual({ right: expected.size, corrupt: [], wrong: [] });
        }
      }
    },
    60_000,
  );

  it('never gives an old value, or none, where a table has lost the new one', async () => {
    for (const round of [0, 1, 2]) {
      await writeRound(round);
      await intoTables();
    }
    for (const file of await filesLike(/\.ldb$/)) {
      const { size } = await stat(join(directory, file));
      for (let at = 0; at < size; at += Math.ceil(size / 6)) {
        await using store = await open(await damagedCopy(file, junk(at)));
        const { wrong, corrupt } = await readAll(store);
        expect(wrong, `${at} of ${file}`).toEqual([]);
        const [finding] = store.recovery.findings;
        expect(finding?.file).toBe(file);
        expect(corrupt.length > 0).toBe(finding?.kind === 'lost');
      }
    }
  }, 60_000);

  it('tells which writes a log has lost, and keeps those behind them', async () => {
    await writeRound(0);
    const [file = ''] = await filesLike(/\.log$/);
    await using store = await open(await damagedCopy(file, junk(100_000)));
    const { right, corrupt, wrong } = await readAll(store);
    expect(store.recovery.findings).toMatchObject([{ kind: 'lost', file }]);
    // One commit of 50: all but a path that is itself damaged can be named.
    expect(corrupt.length).toBeGreaterThanOrEqual(48);
    expect(corrupt.length + wrong.length).toBeLessThanOrEqual(50);
    expect(right).toBeGreaterThanOrEqual(950);
    if (wrong.length > 0) {
      expect(store.recovery.findings[0]?.message).toContain('others that cannot be told');
    }
  });

  it('takes a damaged path for whole again when it is written or deleted, also later', async () => {
    await writeRound(0);
    await intoTables();
    const [file = ''] = await filesLike(/\.ldb$/);
    const copy = await damagedCopy(file, junk(3_000));
    let corrupt: readonly string[];
    {
      await using store = await open(copy);
      corrupt = (await readAll(store)).corrupt;
      expect(corrupt.length).toBeGreaterThan(3);
      await store.write(corrupt[0] ?? '', Buffer.from('new'));
      await store.delete(corrupt[1] ?? '');
      expect(await store.read(corrupt[0] ?? '')).toEqual(new Uint8Array(Buffer.from('new')));
    }
    await using store = await open(copy);
    expect(store.recovery.findings).toEqual([]);
    expect(await store.read(corrupt[0] ?? '')).toEqual(new Uint8Array(Buffer.from('new')));
    expect(await store.read(corrupt[1] ?? '')).toBeUndefined();
    await expect(store.read(corrupt[2] ?? '')).rejects.toMatchObject({ code: 'DW_STORE_CORRUPT' });
    const scan = async (): Promise<void> => {
      for await (const entry of store.scan(storePrefix('t'))) expect(entry.path).toBeTruthy();
    };
    await scan();
    expect((await readAll(store)).corrupt).toEqual(corrupt.slice(2));
  });

  it('scans up to a value that may be old, and on behind it', async () => {
    await writeRound(0);
    await intoTables();
    await writeRound(1);
    await intoTables();
    const [, file = ''] = await filesLike(/\.ldb$/);
    await using store = await open(await damagedCopy(file, junk(3_000)));
    const { corrupt } = await readAll(store);
    const scanned: string[] = [];
    const scan = async (after?: string): Promise<void> => {
      for await (const { path } of store.scan(storePrefix('t'), after ? { after } : {})) {
        scanned.push(path);
      }
    };
    await expect(scan()).rejects.toMatchObject({ code: 'DW_STORE_CORRUPT' });
    await scan(corrupt.at(-1));
    const sound = [...expected].filter(([path, value]) => value && !corrupt.includes(path));
    expect(scanned).toEqual(sound.map(([path]) => path).sort());
  });

  it('leaves out a torn tail, tells of it once, and keeps its bytes', async () => {
    await writeRound(0);
    const [file = ''] = await filesLike(/\.log$/);
    const { size } = await stat(join(directory, file));
    const copy = await damagedCopy(file, (bytes) => bytes.subarray(0, size - 10));
    {
      const told: unknown[] = [];
      const onFinding = (finding: unknown) => told.push(finding);
      await using store = await ClassicLevelBackingStore.open({ directory: copy, onFinding });
      expect(told).toEqual(store.recovery.findings);
      expect(store.recovery.findings).toMatchObject([{ kind: 'tornTail', file, ranges: [] }]);
      const name = store.recovery.findings[0]?.keptAs ?? '';
      const kept = await readFile(join(copy, 'damaged', name));
      const whole = await readFile(join(directory, file));
      expect(kept).toEqual(whole.subarray(size - 10 - kept.length, size - 10));
      expect((await readAll(store)).wrong).toEqual([pathOf(5)]);
    }
    await using store = await open(copy);
    expect(store.recovery.findings).toEqual([]);
  });

  it('keeps a bounded number of broken files aside', async () => {
    await writeRound(0);
    const [file = ''] = await filesLike(/\.log$/);
    const copy = await damagedCopy(file, (bytes) => bytes.subarray(0, -10));
    await mkdir(join(copy, 'damaged'));
    for (let index = 0; index < 64; index += 1) {
      await writeFile(join(copy, 'damaged', String(index)), '');
    }
    await using store = await open(copy);
    expect(store.recovery.findings).toMatchObject([{ kind: 'tornTail', keptAs: undefined }]);
    expect(await readdir(join(copy, 'damaged'))).toHaveLength(64);
  });

  it.each(['CURRENT', /^MANIFEST/, /\.log$/])('does not begin anew without %s', async (gone) => {
    await writeRound(0);
    await intoTables();
    await writeRound(1);
    const [file = ''] = await filesLike(gone instanceof RegExp ? gone : /^CURRENT$/);
    const copy = await damagedCopy(file, (bytes) => bytes);
    await rm(join(copy, file));
    if (file === 'CURRENT') {
      await using store = await open(copy);
      expect(store.recovery.findings).toMatchObject([{ kind: 'repaired', file: 'CURRENT' }]);
      expect((await readAll(store)).right).toBe(expected.size);
    } else {
      const before = await readdir(copy);
      await expect(open(copy)).rejects.toMatchObject({
        code: 'DW_STORE_CORRUPT',
        details: { directory: copy },
      });
      expect((await readdir(copy)).filter((name) => name !== 'guard')).toEqual(before);
    }
  });

  it('tells of a table that is missing', async () => {
    await writeRound(0);
    await intoTables();
    const [file = ''] = await filesLike(/\.ldb$/);
    const copy = await damagedCopy(file, (bytes) => bytes);
    await rm(join(copy, file));
    await using store = await open(copy);
    expect(store.recovery.findings).toMatchObject([{ kind: 'lost', file }]);
    const { right, wrong } = await readAll(store);
    expect([right, wrong]).toEqual([0, []]);
    await store.write(pathOf(0), Buffer.from('new'));
  });

  it('takes what is there for all there is when the list of damage is removed', async () => {
    await writeRound(0);
    await intoTables();
    const [file = ''] = await filesLike(/\.ldb$/);
    const copy = await damagedCopy(file, junk(3_000));
    {
      await using store = await open(copy);
      await store.write((await readAll(store)).corrupt[0] ?? '', Buffer.from('new'));
    }
    await rm(join(copy, 'damaged-ranges.json'));
    {
      await using store = await open(copy);
      expect((await readAll(store)).corrupt).toEqual([]);
    }
    await writeFile(join(copy, 'damaged-ranges.json'), '[');
    await expect(open(copy)).rejects.toMatchObject({ code: 'DW_STORE_CORRUPT' });
  });
});
