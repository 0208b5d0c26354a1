import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DataDirectory } from './data-directory.js';

describe('DataDirectory', () => {
  let root: string;

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'dw-data-'));
  });

  afterEach(async () => {
    await chmod(root, 0o700);
    await rm(root, { recursive: true, force: true });
  });

  const modeOf = async (path: string): Promise<number> => (await stat(path)).mode & 0o777;

  it('makes the folder for its user alone', async () => {
    const directory = await DataDirectory.open(join(root, 'a/b'));
    expect(await modeOf(join(root, 'a/b'))).toBe(0o700);
    expect(await modeOf(await directory.pluginDirectory('x'))).toBe(0o700);
  });

  it('makes a token once, and keeps it', async () => {
    const directory = await DataDirectory.open(root);
    const token = await directory.token(undefined);
    expect(token).toMatch(/^[\w-]{43}$/);
    expect(await directory.token(undefined)).toBe(token);
    expect(await modeOf(join(root, 'token'))).toBe(0o600);
  });

  it('writes down a configured token, for the command line', async () => {
    const directory = await DataDirectory.open(root);
    await directory.token(undefined);
    expect(await directory.token('configured-token')).toBe('configured-token');
    expect(await readFile(join(root, 'token'), 'utf8')).toBe('configured-token\n');
  });

  it('refuses a malformed token file', async () => {
    const directory = await DataDirectory.open(root);
    await writeFile(join(root, 'token'), 'short\n');
    await expect(directory.token(undefined)).rejects.toMatchObject({ code: 'DW_HOST_TOKEN' });
  });

  it('says where the node is, while it runs', async () => {
    const directory = await DataDirectory.open(root);
    const content = { nodeId: 'n1', endpoint: 'http://127.0.0.1:1', pid: 1, startedAt: 'now' };
    await directory.writeNodeFile(content);
    expect(JSON.parse(await readFile(join(root, 'node.json'), 'utf8'))).toEqual(content);
    await directory.removeNodeFile();
    await directory.removeNodeFile();
    await expect(stat(join(root, 'node.json'))).rejects.toMatchObject({ code: 'ENOENT' });
    await mkdir(join(root, 'node.json'));
    await expect(directory.removeNodeFile()).rejects.toMatchObject({
      code: 'DW_HOST_DATA_DIRECTORY',
    });
  });

  it('says DW_HOST_DATA_DIRECTORY where it cannot be', async () => {
    await writeFile(join(root, 'file'), '');
    await expect(DataDirectory.open(join(root, 'file/data'))).rejects.toMatchObject({
      code: 'DW_HOST_DATA_DIRECTORY',
    });
    await expect(DataDirectory.open(join(root, 'file'))).rejects.toMatchObject({
      code: 'DW_HOST_DATA_DIRECTORY',
    });
  });

  it.skipIf(process.getuid?.() === 0)('refuses a folder that it may not write to', async () => {
    await chmod(root, 0o500);
    await expect(DataDirectory.open(root)).rejects.toMatchObject({
      code: 'DW_HOST_DATA_DIRECTORY',
    });
  });
});
