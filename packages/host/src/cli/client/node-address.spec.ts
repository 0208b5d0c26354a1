import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type NodeAddressOptions, resolveNodeAddress } from './node-address.js';

const nodeFile = JSON.stringify({ nodeId: 'n1', endpoint: 'http://127.0.0.1:7080', pid: 1 });

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dw-cli-'));
});
afterEach(() => rm(folder, { recursive: true }));

function resolve(options: Partial<NodeAddressOptions> = {}) {
  return resolveNodeAddress({
    flags: {},
    variables: {},
    dataDirectory: async () => folder,
    ...options,
  });
}

describe('resolveNodeAddress', () => {
  it('reads what a running node left in its data directory', async () => {
    await writeFile(join(folder, 'node.json'), nodeFile);
    await writeFile(join(folder, 'token'), 'secret-token-1234\n');
    expect(await resolve()).toEqual({
      endpoint: 'http://127.0.0.1:7080',
      token: 'secret-token-1234',
      endpointSource: folder,
      tokenSource: join(folder, 'token'),
    });
  });

  it('prefers flags to the environment, and that to files', async () => {
    const variables = { DW_ENDPOINT: 'http://env:1', DW_TOKEN: 'env-token' };
    expect(await resolve({ variables })).toMatchObject({
      endpoint: 'http://env:1',
      token: 'env-token',
    });
    const flags = { endpoint: 'http://flag:1', token: 'flag-token' };
    expect(await resolve({ variables, flags })).toMatchObject({
      endpoint: 'http://flag:1',
      token: 'flag-token',
      endpointSource: '--endpoint',
      tokenSource: '--token',
    });
  });

  it('asks for no data directory that it does not need', async () => {
    const dataDirectory = () => Promise.reject(new Error('asked'));
    const flags = { endpoint: 'http://flag:1', token: 'flag-token' };
    await expect(resolve({ flags, dataDirectory })).resolves.toBeDefined();
  });

  it('counts an empty variable as absent', async () => {
    await expect(resolve({ variables: { DW_ENDPOINT: '' } })).rejects.toMatchObject({
      code: 'DW_CLI_NO_NODE',
    });
  });

  it('names the data directory on which no node runs', async () => {
    await expect(resolve()).rejects.toMatchObject({
      code: 'DW_CLI_NO_NODE',
      message: expect.stringContaining(folder),
    });
  });

  it.each(['', '{', '{"endpoint":1}', '{"nodeId":"n","endpoint":"nonsense"}'])(
    'refuses the damaged node file %s',
    async (text) => {
      await writeFile(join(folder, 'node.json'), text);
      await expect(resolve()).rejects.toMatchObject({ code: 'DW_CLI_NODE_FILE_INVALID' });
    },
  );

  it('refuses an endpoint of the environment that is none', async () => {
    await expect(resolve({ variables: { DW_ENDPOINT: 'x' } })).rejects.toMatchObject({
      code: 'DW_CLI_ENDPOINT_INVALID',
    });
  });

  it('says which token file is missing', async () => {
    await writeFile(join(folder, 'node.json'), nodeFile);
    await expect(resolve()).rejects.toMatchObject({
      code: 'DW_CLI_NO_TOKEN',
      message: expect.stringContaining(join(folder, 'token')),
    });
  });

  it('refuses a token that no header can carry', async () => {
    const flags = { endpoint: 'http://flag:1', token: 'a\nb' };
    await expect(resolve({ flags })).rejects.toMatchObject({ code: 'DW_CLI_NO_TOKEN' });
  });

  it('says that the token cannot be read', async () => {
    await writeFile(join(folder, 'node.json'), nodeFile);
    await mkdir(join(folder, 'token'));
    await expect(resolve()).rejects.toMatchObject({ code: 'DW_CLI_NO_TOKEN' });
  });
});
