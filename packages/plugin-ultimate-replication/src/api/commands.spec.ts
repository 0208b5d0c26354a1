import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ApiClient } from '@datawarehouse/sdk';
import { callRoute } from '@datawarehouse/sdk/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { services } from '../queue/peer-messages.js';
import { apiOf, type CommandRun, once, runCommand } from '../testing/command-line.js';
import { TestCluster } from '../testing/test-node.js';
import { commands } from './commands.js';

let cluster: TestCluster;
let folder: string;
/** What the node answers in place of the real bytes. */
let tamper: (body: Uint8Array) => Uint8Array;

beforeEach(async () => {
  cluster = await TestCluster.start(['a', 'b']);
  folder = await mkdtemp(join(tmpdir(), 'dw-commands-'));
  tamper = (body) => body;
});

afterEach(async () => {
  await cluster[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

/** Calls the routes of the first node, and knows the host's route of joining. */
const api: ApiClient = {
  endpoint: 'http://a',
  request: async (method, path, request = {}) => {
    const { membership } = cluster.at(0);
    if (path.startsWith('/api/v1/cluster/members')) {
      const { endpoint } = (request.json ?? {}) as { endpoint: string };
      const json = { member: await membership.join(endpoint) };
      return { status: 200, headers: {}, body: once(Buffer.of()), json: async () => json };
    }
    return await routes.request(method, path, request);
  },
};

const routes = apiOf(
  () => cluster.at(0).context,
  (body) => tamper(body),
);

const dw = (name: string, given: Record<string, string> = {}, run: CommandRun = {}) =>
  runCommand(api, name, given, run);

const sha256 = (data: Uint8Array) => createHash('sha256').update(data).digest('hex');

describe('the commands of replication', { timeout: 30_000 }, () => {
  it('are those that the manifest names', async () => {
    const file = new URL('../../package.json', import.meta.url);
    const { datawarehouse } = JSON.parse(await readFile(file, 'utf8')) as {
      datawarehouse: { contributes: { commands: { list: { name: string; summary: string }[] } } };
    };
    const words = new Set(commands.map(({ name }) => name.split(' ')[0]));
    const { list } = datawarehouse.contributes.commands;
    expect(list.map(({ name }) => name)).toEqual([...words]);
  });

  it('put a file and get it back, whole', async () => {
    const data = randomBytes(300_001);
    await writeFile(join(folder, 'in'), data);
    const given = { namespace: 'docs/eu', key: 'a/b' };
    const put = await dw('put', { ...given, file: join(folder, 'in') });
    expect(put.lines[0]).toMatch(/^stored docs\/eu a\/b: 300001 bytes, version \d+\.0@a$/);
    expect(put.progressed).toBe(300_001);
    const options = { output: join(folder, 'out') };
    const got = await dw('get', given, { options, json: true });
    expect(got.result).toMatchObject({ sizeBytes: 300_001, file: options.output });
    expect(sha256(await readFile(options.output))).toBe(sha256(data));
    expect(sha256((await dw('get', given)).bytes)).toBe(sha256(data));
    expect((await readdir(folder)).sort()).toEqual(['in', 'out']);
  });

  it('put standard input, with and without a dash', async () => {
    await dw('put', { namespace: 'n', key: '1' }, { input: 'one' });
    await dw('put', { namespace: 'n', key: '2', file: '-' }, { input: 'two' });
    expect((await dw('get', { namespace: 'n', key: '2' })).bytes.toString()).toBe('two');
    expect(await cluster.at(0).text('n', '1')).toBe('one');
  });

  it('leave nothing behind of a transfer that is damaged, and the old file in place', async () => {
    await dw('put', { namespace: 'n', key: 'k' }, { input: 'right' });
    await writeFile(join(folder, 'out'), 'old');
    tamper = () => Buffer.from('wrong');
    const get = dw(
      'get',
      { namespace: 'n', key: 'k' },
      { options: { output: join(folder, 'out') } },
    );
    await expect(get).rejects.toMatchObject({ code: 'DW_REPLICATION_TRANSFER_DAMAGED' });
    expect(await readFile(join(folder, 'out'), 'utf8')).toBe('old');
    expect(await readdir(folder)).toEqual(['out']);
  });

  it('say what is wrong with files and options', async () => {
    const given = { namespace: 'n', key: 'k' };
    const refused = (code: string) => expect.objectContaining({ code });
    for (const file of [join(folder, 'none'), folder]) {
      await expect(dw('put', { ...given, file })).rejects.toEqual(refused('DW_REPLICATION_FILE'));
    }
    await dw('put', given, { input: 'x' });
    await expect(dw('get', given, { json: true })).rejects.toEqual(
      refused('DW_REPLICATION_OUTPUT_NEEDED'),
    );
    const options = { output: join(folder, 'no', 'such', 'folder') };
    await expect(dw('get', given, { options })).rejects.toEqual(refused('DW_REPLICATION_FILE'));
    await expect(dw('rm', { namespace: 'n', key: 'none' })).rejects.toEqual(
      refused('DW_REPLICATION_NOT_FOUND'),
    );
  });

  it('list all pages of a namespace, and the namespaces', async () => {
    expect((await dw('ls')).notes).toHaveLength(1);
    await Promise.all(
      Array.from({ length: 1_050 }, (_, index) => cluster.at(0).put('many', `k${index}`, 'x')),
    );
    await dw('put', { namespace: 'few', key: 'k' }, { input: 'x' });
    const all = await dw('ls', { namespace: 'many' }, { json: true });
    expect(all.result).toHaveLength(1_050);
    const some = await dw('ls', { namespace: 'many' }, { options: { prefix: 'k104' } });
    expect(some.lines).toHaveLength(11);
    expect((await dw('ls', {}, { json: true })).result).toEqual([
      { namespace: 'few' },
      { namespace: 'many' },
    ]);
    await dw('rm', { namespace: 'few', key: 'k' });
    expect((await dw('ls')).lines).toEqual(['many']);
  });

  it('show, set, explain and remove routes', async () => {
    await dw('routes set', { pattern: 'critical/**', strategy: 'synchronous' });
    await dw(
      'routes set',
      { pattern: 'x', strategy: 'local-only' },
      { options: { position: '0' } },
    );
    await dw('routes default', { strategy: 'synchronous' });
    const shown = await dw('routes', {}, { json: true });
    expect(shown.result).toEqual({
      defaultStrategy: 'synchronous',
      routes: [
        { pattern: 'x', strategy: 'local-only' },
        { pattern: 'critical/**', strategy: 'synchronous' },
      ],
    });
    const explained = await dw('routes explain', { namespace: 'critical/eu', key: 'k' });
    expect(explained.lines).toEqual([
      'synchronous, by the namespace route critical/** at position 1',
    ]);
    expect((await dw('routes explain', { namespace: 'critical/eu/k' })).lines).toEqual(
      explained.lines,
    );
    expect((await dw('routes explain', { namespace: 'other/k' })).lines).toEqual([
      'synchronous, by the default',
    ]);
    const removed = await dw('routes remove', { pattern: 'x' });
    expect(removed.lines).toHaveLength(2);
  });

  it('show replicas, let one join, and remove one', async () => {
    const joined = await dw('replicas join', { url: 'http://c' });
    expect(joined.lines).toEqual(['joined c at http://c']);
    await expect
      .poll(async () => ((await dw('replicas', {}, { json: true })).result as unknown[]).length)
      .toBe(2);
    expect((await dw('replicas')).lines[0]).toMatch(/^b http:\/\/b true 0 0 0 0 false$/);
    const removed = await dw('replicas remove', { id: 'c' });
    expect(removed.lines).toEqual(['removed c here, and on b']);
    expect((await dw('replicas remove', { id: 'c' })).lines).toEqual([
      'c was no member here, and on b',
    ]);
    cluster.network.cut('a', 'b');
    const cut = await dw('replicas remove', { id: 'c' });
    expect(cut.lines).toEqual(['c was no member here']);
    expect(cut.notes).toEqual([
      'b could not be told (DW_PEER_UNREACHABLE); remove c there as well.',
    ]);
  });

  it('take names that no path can hold', async () => {
    for (const name of ['.', '..']) {
      await dw('put', { namespace: name, key: name }, { input: name });
      expect((await dw('get', { namespace: name, key: name })).bytes.toString()).toBe(name);
      const listed = await dw('ls', { namespace: name }, { json: true });
      expect(listed.result).toMatchObject([{ key: name }]);
      await dw('rm', { namespace: name, key: name });
    }
  });

  it('shows conflicts, and restores what was discarded', async () => {
    cluster.network.cut('a', 'b');
    await cluster.at(0).put('docs', 'k', 'of a');
    await cluster.at(1).put('docs', 'k', 'of b');
    cluster.network.heal();
    await cluster.settled();
    const { lines, result } = await dw('conflicts');
    const [conflict] = result as { readonly id: string; readonly version: string }[];
    expect(lines.join()).toContain(`docs k ${conflict?.version ?? ''}`);
    const shown = await dw('conflicts show', { id: conflict?.id ?? '' });
    expect(shown.lines).toContain('decidedBy a');
    await dw('conflicts restore', { id: conflict?.id ?? '' });
    expect(await cluster.at(0).text('docs', 'k')).toBe('of a');
    const none = await dw('conflicts', {}, { options: { limit: '5', after: conflict?.id ?? '' } });
    expect(none.notes).toEqual(['No version has lost against a concurrent one.']);
  });

  it('synchronise, show how far that is, and steer it', async () => {
    cluster.network.fateOf = ({ service }) => (service === services.apply ? 'lost' : 'delivered');
    await cluster.at(1).put('docs', 'k', 'x');
    const synced = await dw('sync', {}, { options: { namespace: 'docs', since: '1h' } });
    expect(synced.lines).toEqual(['b: 1 objects exchanged, 0 conflicts']);
    expect(synced.progressed).toBe(100);
    const status = await dw('sync', {}, { options: { status: true } });
    expect(status.lines[0]).toMatch(/^b completed 100 \d{4}-/);
    await expect(dw('sync', {}, { options: { since: '12' } })).rejects.toMatchObject({
      code: 'DW_REPLICATION_INVALID_QUERY',
    });
    expect((await dw('replicas pause', { id: 'b' })).lines).toEqual(['paused b']);
    await expect(dw('sync', { node: 'b' })).rejects.toMatchObject({
      code: 'DW_REPLICATION_SYNC_FAILED',
    });
    expect((await dw('replicas resume', { id: 'b' })).lines).toEqual(['resumed b']);
    const rewound = await dw('replicas rewind', { id: 'b' }, { options: { to: '0' } });
    expect(rewound.lines).toEqual(['takes over the log of b again from 0']);
    await dw('replicas rewind', { id: 'b' }, { options: { to: '2026-01-01' } });
    const reseeded = await dw('replicas reseed', { id: 'b' });
    expect(reseeded.lines).toEqual(['fetched 0 objects that differed']);
  });

  it('export a bundle to a file, and import it', async () => {
    await cluster.at(0).put('docs', 'k', 'x');
    const file = join(folder, 'b.dwbundle');
    const exported = await dw('bundle export', { file }, { options: { to: 'b', since: '0' } });
    expect(exported.lines[0]).toMatch(/^wrote .* for b: \d+ bytes, sha256 [0-9a-f]{64}$/);
    expect(await readdir(folder)).toEqual(['b.dwbundle']);
    // The first node takes what is for it alone.
    await expect(dw('bundle import', { file })).rejects.toMatchObject({
      code: 'DW_REPLICATION_BUNDLE_MISDIRECTED',
    });
    const { body } = await callRoute(cluster.at(1).context, 'GET', '/api/v1/bundle?to=a');
    await writeFile(file, body ?? '');
    const imported = await dw('bundle import', { file });
    expect(imported.lines[0]).toMatch(/^imported \d+ versions of b: \d+ objects changed$/);
    expect(imported.progressed).toBe(body?.length);
    await expect(dw('bundle import', { file: join(folder, 'none') })).rejects.toMatchObject({
      code: 'DW_REPLICATION_FILE',
    });
    await expect(
      dw('bundle export', { file: join(folder, 'none', 'x') }, { options: { to: 'b' } }),
    ).rejects.toMatchObject({ code: 'DW_REPLICATION_FILE' });
  });
});
