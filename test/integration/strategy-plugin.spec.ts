import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runDw, runDwJson } from '../support/dw-process.js';
import { NodeProcess } from '../support/node-process.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';

const require = createRequire(import.meta.url);
const lineSets = dirname(require.resolve('@datawarehouse/example-line-sets/package.json'));
const replication = dirname(
  require.resolve('@datawarehouse/plugin-ultimate-replication/package.json'),
);

describe('a plugin that adds a strategy and a resolver', () => {
  let folder: TemporaryFolder;
  let node: NodeProcess;

  beforeAll(async () => {
    folder = await temporaryFolder();
    node = await NodeProcess.start({
      folder: folder.path,
      nodeId: 'n1',
      plugins: [
        { path: lineSets, required: true },
        { path: replication, required: true },
      ],
    });
  });
  afterAll(async () => {
    await node[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  const url = '/api/v1/objects/lists/k';
  const put = (body: string) =>
    node.fetch(url, { method: 'PUT', body, headers: { 'dw-context': '' } });

  it('has its strategy routed to, and its resolver merge concurrent versions', async () => {
    expect((await runDw(['routes', 'set', 'lists', 'line-sets', ...node.flags])).code).toBe(0);
    expect((await put('b\na')).status).toBe(200);
    expect((await put('c\na')).status).toBe(200);
    const got = await node.fetch(url);
    expect(await got.text()).toBe('a\nb\nc');
    expect(got.headers.get('dw-siblings')).toBe('2');
    const listed = await runDwJson<{ siblings: unknown[] }>([
      ...['get', 'lists', 'k', '--siblings', ...node.flags],
    ]);
    expect(listed.siblings).toHaveLength(2);
  });

  it('has its routes and versions kept over a restart', async () => {
    await node.kill();
    await node.startAgain();
    expect(await (await node.fetch(url)).text()).toBe('a\nb\nc');
  });
});
