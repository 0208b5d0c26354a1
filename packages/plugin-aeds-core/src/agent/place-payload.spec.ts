import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { payloadOf } from '../testing/samples.js';
import { isFileOf, placePayload } from './place-payload.js';

describe('placePayload', () => {
  let folder: string;
  let verified: string;
  let files: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dw-place-'));
    files = join(folder, 'files');
    verified = join(folder, 'payload.part');
    await writeFile(verified, 'new');
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('puts a file in the place of what was there', async () => {
    await mkdir(join(files, 'stable'), { recursive: true });
    await writeFile(join(files, 'stable', 'a'), 'old');
    await placePayload(verified, { folder: 'stable', name: 'a' }, files);
    expect(await readFile(join(files, 'stable', 'a'), 'utf8')).toBe('new');
    expect(await readdir(folder)).toEqual(['files']);
  });

  it('replaces a link, and does not follow it', async () => {
    await mkdir(join(files, 'stable'), { recursive: true });
    await writeFile(join(folder, 'precious'), 'precious');
    await symlink(join(folder, 'precious'), join(files, 'stable', 'a'));
    await placePayload(verified, { folder: 'stable', name: 'a' }, files);
    expect(await readFile(join(folder, 'precious'), 'utf8')).toBe('precious');
    expect(await readFile(join(files, 'stable', 'a'), 'utf8')).toBe('new');
  });

  it('does not leave its directory through a linked folder', async () => {
    await mkdir(files);
    await mkdir(join(folder, 'elsewhere'));
    await symlink(join(folder, 'elsewhere'), join(files, 'stable'));
    const placed = placePayload(verified, { folder: 'stable', name: 'a' }, files);
    await expect(placed).rejects.toMatchObject({ code: 'DW_AEDS_FILE_IO' });
    expect(await readdir(join(folder, 'elsewhere'))).toEqual([]);
  });

  it.each([
    { folder: '..', name: 'a' },
    { folder: 'stable', name: '../a' },
    { folder: 'a/b', name: 'a' },
    { folder: 'stable', name: 'a\0b' },
  ])('refuses %j', async (place) => {
    await expect(placePayload(verified, place, files)).rejects.toMatchObject({
      code: 'DW_AEDS_FILE_NAME_UNSAFE',
    });
  });

  it('says whether a payload is in its place already', async () => {
    const payload = payloadOf(Buffer.from('new'));
    expect(await isFileOf(verified, payload)).toBe(true);
    expect(await isFileOf(verified, payloadOf(Buffer.from('old')))).toBe(false);
    expect(await isFileOf(join(folder, 'nothing'), payload)).toBe(false);
    await symlink(verified, join(folder, 'link'));
    expect(await isFileOf(join(folder, 'link'), payload)).toBe(false);
    expect(await isFileOf(folder, payload)).toBe(false);
  });
});
