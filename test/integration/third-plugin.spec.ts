import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runDw, runDwJson } from '../support/dw-process.js';
import { NodeProcess } from '../support/node-process.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';

const require = createRequire(import.meta.url);
const notes = dirname(require.resolve('@datawarehouse/example-notes/package.json'));

describe('a plugin written only against the SDK', () => {
  let folder: TemporaryFolder;
  let node: NodeProcess;

  beforeAll(async () => {
    folder = await temporaryFolder();
    node = await NodeProcess.start({
      folder: folder.path,
      nodeId: 'n1',
      plugins: [{ path: notes, required: true }],
    });
  });
  afterAll(async () => {
    await node[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  it('is loaded and runs', async () => {
    const [plugin] = await runDwJson<{ id: string; state: string }[]>([
      'plugins',
      'list',
      ...node.flags,
    ]);
    expect(plugin).toMatchObject({ id: 'notes', state: 'running' });
  });

  it('has its subsystem found by the host, and re-tuned while it runs', async () => {
    const before = await (await node.fetch('/api/v1/scaling/notes')).json();
    expect(before).toMatchObject({ limits: { maxCacheEntries: 10_000 } });
    const changed = await runDw(['limits', 'set', 'notes', 'maxCacheEntries=1', ...node.flags]);
    expect(changed.code).toBe(0);
    for (const name of ['a', 'b']) {
      await node.fetch(`/notes/v1/${name}`, { method: 'PUT', body: `note ${name}` });
    }
    const after = await (await node.fetch('/api/v1/scaling/notes')).json();
    expect(after).toMatchObject({
      limits: { maxCacheEntries: 1 },
      metrics: { 'cache.size': 1 },
    });
    expect(await (await node.fetch('/metrics')).text()).toMatch(
      /^dw_cache_size\{[^}]*subsystem="notes"[^}]*\} 1$/m,
    );
  });

  it('serves its routes, and keeps what it stored over kill -9', async () => {
    await node.fetch('/notes/v1/x%2Fy', { method: 'PUT', body: 'kept' });
    await node.kill();
    await node.startAgain();
    expect(await (await node.fetch('/notes/v1/x%2Fy')).text()).toBe('kept');
    expect((await node.fetch('/notes/v1/none')).status).toBe(404);
    expect((await fetch(`${node.endpoint}/notes/v1/x%2Fy`)).status).toBe(401);
  });

  it('is the plugin that the README shows', async () => {
    const root = join(import.meta.dirname, '..', '..');
    const readme = await readFile(join(root, 'README.md'), 'utf8');
    const source = await readFile(join(notes, 'src', 'index.ts'), 'utf8');
    expect(readme).toContain(`\`\`\`ts\n${source}\`\`\`\n`);
  });
});
