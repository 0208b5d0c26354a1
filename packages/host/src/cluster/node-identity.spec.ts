import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { verifyEd25519 } from '@datawarehouse/sdk';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NodeIdentity } from './node-identity.js';

describe('NodeIdentity', () => {
  let dataDirectory: string;
  let file: string;
  beforeEach(async () => {
    dataDirectory = await mkdtemp(join(tmpdir(), 'dw-identity-'));
    file = join(dataDirectory, 'identity.json');
  });
  afterEach(() => rm(dataDirectory, { recursive: true, force: true }));

  it('is created once, and is the same from then on', async () => {
    const first = await NodeIdentity.open({ dataDirectory });
    const second = await NodeIdentity.open({ dataDirectory });
    expect(second.nodeId).toBe(first.nodeId);
    expect(second.publicKey).toBe(first.publicKey);
    const signature = Buffer.from(second.sign(Buffer.from('x'))).toString('base64url');
    expect(verifyEd25519(Buffer.from('x'), signature, first.publicKey)).toBe(true);
  });

  it('makes an id from the key where none is configured', async () => {
    const { nodeId } = await NodeIdentity.open({ dataDirectory });
    expect(nodeId).toMatch(/^n-[0-9a-f]{10}$/);
  });

  it('takes the configured id', async () => {
    expect((await NodeIdentity.open({ dataDirectory, nodeId: 'eu.1' })).nodeId).toBe('eu.1');
    expect((await NodeIdentity.open({ dataDirectory })).nodeId).toBe('eu.1');
  });

  it('keeps its file from others, and leaves no other file', async () => {
    await NodeIdentity.open({ dataDirectory });
    expect(await readdir(dataDirectory)).toEqual(['identity.json']);
    if (process.platform !== 'win32') expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  it('is created over the rest of an attempt that crashed', async () => {
    await writeFile(`${file}.tmp`, '{"half');
    await NodeIdentity.open({ dataDirectory });
    expect(await readdir(dataDirectory)).toEqual(['identity.json']);
  });

  it('refuses another id than the one it was created with, and says which', async () => {
    await NodeIdentity.open({ dataDirectory, nodeId: 'n1' });
    await expect(NodeIdentity.open({ dataDirectory, nodeId: 'n2' })).rejects.toMatchObject({
      code: 'DW_CLUSTER_IDENTITY_CONFLICT',
      details: { configured: 'n2', kept: 'n1' },
      hint: expect.stringContaining('n1'),
    });
  });

  it.each([
    ['is empty', ''],
    ['is cut off', '{"version":1,"nodeId":"n1"'],
    ['lacks the key', '{"version":1,"nodeId":"n1","publicKey":"x"}'],
  ])('never replaces a file that %s', async (_, content) => {
    await writeFile(file, content);
    await expect(NodeIdentity.open({ dataDirectory })).rejects.toMatchObject({
      code: 'DW_CLUSTER_IDENTITY_CORRUPT',
    });
    expect(await readFile(file, 'utf8')).toBe(content);
  });

  it('refuses a private key that does not belong to the public one', async () => {
    const other = join(dataDirectory, 'other');
    await mkdir(other);
    await NodeIdentity.open({ dataDirectory });
    const content = JSON.parse(await readFile(file, 'utf8')) as { publicKey: string };
    content.publicKey = (await NodeIdentity.open({ dataDirectory: other })).publicKey;
    await writeFile(file, JSON.stringify(content));
    await expect(NodeIdentity.open({ dataDirectory })).rejects.toMatchObject({
      code: 'DW_CLUSTER_IDENTITY_CORRUPT',
    });
  });

  it('says that the file cannot be read', async () => {
    await expect(NodeIdentity.open({ dataDirectory: join(file, 'none') })).rejects.toMatchObject({
      code: 'DW_CLUSTER_IDENTITY_UNREADABLE',
    });
  });
});
