import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runDw, runDwJson } from '../support/dw-process.js';
import { eventually } from '../support/eventually.js';
import { NodeProcess } from '../support/node-process.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';

const sha256 = (data: Uint8Array) => createHash('sha256').update(data).digest('hex');

describe('three nodes that replicate', () => {
  const secret = randomBytes(32).toString('hex');
  let folder: TemporaryFolder;
  let nodes: NodeProcess[];

  beforeAll(async () => {
    folder = await temporaryFolder();
    const first = await NodeProcess.start({
      folder: join(folder.path, 'n1'),
      nodeId: 'n1',
      secret,
    });
    const others = await Promise.all(
      ['n2', 'n3'].map((nodeId) =>
        NodeProcess.start({
          folder: join(folder.path, nodeId),
          nodeId,
          secret,
          peers: [first.endpoint],
        }),
      ),
    );
    nodes = [first, ...others];
    for (const node of nodes) {
      await eventually('two active replicas', async () => {
        const replicas = (await (await node.fetch('/api/v1/replicas')).json()) as {
          replicas: { active: boolean }[];
        };
        return replicas.replicas.filter((replica) => replica.active).length === 2;
      });
    }
    await runDwJson(['routes', 'set', 'critical/**', 'synchronous', ...at(0).flags]);
    await runDwJson(['routes', 'set', 'private/**', 'local-only', ...at(0).flags]);
  });

  afterAll(async () => {
    for (const node of nodes) await node[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  function at(index: number): NodeProcess {
    const node = nodes[index];
    if (node === undefined) throw new Error(`no node ${index}`);
    return node;
  }

  async function get(
    node: NodeProcess,
    namespace: string,
    key: string,
  ): Promise<Buffer | undefined> {
    const path = `/api/v1/objects/${encodeURIComponent(namespace)}/${encodeURIComponent(key)}`;
    const response = await node.fetch(path);
    if (response.status === 404) return undefined;
    expect(response.status).toBe(200);
    return Buffer.from(await response.arrayBuffer());
  }

  it('a file put on one node has the same bytes on the others', async () => {
    const data = randomBytes(300_000);
    const file = join(folder.path, 'big.bin');
    await writeFile(file, data);
    await runDwJson(['put', 'docs/eu', 'big.bin', file, ...at(0).flags]);
    for (const node of nodes) {
      const copy = await eventually('the copy', () => get(node, 'docs/eu', 'big.bin'));
      expect(sha256(copy)).toBe(sha256(data));
    }
    const out = join(folder.path, 'out.bin');
    const got = await runDw(['get', 'docs/eu', 'big.bin', '--output', out, ...at(2).flags]);
    expect(got.code).toBe(0);
    expect(sha256(await readFile(out))).toBe(sha256(data));
  });

  it('a synchronous write is on every node when it returns', async () => {
    const put = await runDwJson<{ confirmedBy: string[] }>(
      ['put', 'critical/eu', 'k', '-', ...at(0).flags],
      { input: 'now' },
    );
    expect([...put.confirmedBy].sort()).toEqual(['n2', 'n3']);
    for (const node of nodes) expect((await get(node, 'critical/eu', 'k'))?.toString()).toBe('now');
  });

  it('a local-only write never leaves its node', async () => {
    await runDwJson(['put', 'private/me', 'k', '-', ...at(0).flags], { input: 'secret' });
    // A later synchronous write has passed every dispatcher, and so would the earlier one have.
    await runDwJson(['put', 'critical/eu', 'fence', '-', ...at(0).flags], { input: 'x' });
    expect((await get(at(0), 'private/me', 'k'))?.toString()).toBe('secret');
    expect(await get(at(1), 'private/me', 'k')).toBeUndefined();
    expect(await get(at(2), 'private/me', 'k')).toBeUndefined();
  });

  it('the latest version wins on every node, and rm removes it everywhere', async () => {
    await runDwJson(['put', 'docs', 'k', '-', ...at(0).flags], { input: 'one' });
    await eventually('the first version', () => get(at(1), 'docs', 'k'));
    await runDwJson(['put', 'docs', 'k', '-', ...at(1).flags], { input: 'two' });
    for (const node of nodes) {
      await eventually('the second version', async () => {
        return (await get(node, 'docs', 'k'))?.toString() === 'two';
      });
    }
    await runDwJson(['rm', 'docs', 'k', ...at(2).flags]);
    for (const node of nodes) {
      await eventually('the removal', async () => (await get(node, 'docs', 'k')) === undefined);
    }
    expect((await runDw(['get', 'docs', 'k', ...at(0).flags])).code).toBe(1);
  });

  it('dw sync compares, and a bundle carries objects in a file', async () => {
    await runDwJson(['put', 'carried', 'k', '-', ...at(0).flags], { input: 'x' });
    const synced = await runDwJson<{ nodeId: string; success: boolean }[]>([
      ...['sync', '--namespace', 'carried', ...at(0).flags],
    ]);
    expect(synced).toMatchObject([
      { nodeId: 'n2', success: true },
      { nodeId: 'n3', success: true },
    ]);
    const bundle = join(folder.path, 'carried.dwbundle');
    const exported = await runDwJson<{ sizeBytes: number }>([
      ...['bundle', 'export', bundle, '--to', 'n2', '--namespace', 'carried', ...at(0).flags],
    ]);
    expect(exported.sizeBytes).toBe((await readFile(bundle)).length);
    expect(await runDwJson(['bundle', 'import', bundle, ...at(1).flags])).toMatchObject({
      ...{ origin: 'n1', recordCount: 1, refusedCount: 0 },
    });
    const misdirected = await runDw(['bundle', 'import', bundle, ...at(2).flags]);
    expect(misdirected.code).toBe(1);
    expect(misdirected.stderr).toContain('DW_REPLICATION_BUNDLE_MISDIRECTED');
  });

  it('names may hold any text', async () => {
    const names = ['a/b', 'ä ö', '..', '%2F', '日本/😀', '-x', 'a'.repeat(1000)];
    for (const name of names) {
      await runDwJson(['put', ...at(0).flags, '--', `odd/${name}`, name, '-'], {
        input: name,
      });
    }
    for (const name of names) {
      const copy = await eventually(name, async () => {
        const got = await runDw(['get', ...at(1).flags, '--', `odd/${name}`, name]);
        return got.code === 0 && got.stdout;
      });
      expect(copy).toBe(name);
    }
  });

  it('a node killed in the middle of writes misses nothing when it is back', async () => {
    const source = join(folder.path, 'small');
    await mkdir(source, { recursive: true });
    const write = (index: number) => {
      const path = `/api/v1/objects/${encodeURIComponent('load/x')}/k${index}`;
      return at(0).fetch(path, { method: 'PUT', body: `value ${index}` });
    };
    for (let index = 0; index < 100; index += 1) {
      if (index === 40) await at(2).kill();
      expect((await write(index)).ok).toBe(true);
    }
    await at(0).fetch(`/api/v1/objects/${encodeURIComponent('load/x')}/k7`, { method: 'DELETE' });
    await at(2).startAgain();
    await eventually('the last value', () => get(at(2), 'load/x', 'k99'));
    await eventually('the removal', async () => (await get(at(2), 'load/x', 'k7')) === undefined);
    const listed = await runDwJson<{ key: string }[]>(['ls', 'load/x', ...at(2).flags]);
    expect(listed.length).toBe(99);
  });

  it('stops in order on SIGTERM', async () => {
    expect(await at(1).stop()).toBe(0);
  });
});
