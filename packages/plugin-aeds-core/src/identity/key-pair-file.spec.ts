import { chmod, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openKeyPair } from './key-pair-file.js';

describe('openKeyPair', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dw-keys-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('makes a key that only its owner can read, and keeps it', async () => {
    const path = join(folder, 'keys', 'transport.pem');
    const made = await openKeyPair(path);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await openKeyPair(path)).keyId).toBe(made.keyId);
    expect(await readdir(join(folder, 'keys'))).toEqual(['transport.pem']);
  });

  it('refuses a key that others can read, and never makes a new one in its place', async () => {
    const path = join(folder, 'transport.pem');
    await openKeyPair(path);
    await chmod(path, 0o644);
    await expect(openKeyPair(path)).rejects.toMatchObject({ code: 'DW_AEDS_KEY_FILE_INVALID' });
  });

  it('refuses a damaged key', async () => {
    const path = join(folder, 'transport.pem');
    await writeFile(path, 'no key', { mode: 0o600 });
    await expect(openKeyPair(path)).rejects.toMatchObject({ code: 'DW_AEDS_KEY_FILE_INVALID' });
  });
});
