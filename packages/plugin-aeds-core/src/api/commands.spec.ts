import { access, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parsePluginManifest } from '@datawarehouse/sdk';
import { MemoryBackingStore } from '@datawarehouse/sdk/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { agentPaths } from '../agent/agent-directory.js';
import { openCollections } from '../collections/aeds-collections.js';
import { runCommand } from '../testing/run-command.js';
import { sampleClient } from '../testing/samples.js';
import { startTestServer, type TestServer } from '../testing/test-server.js';
import { commands } from './commands.js';

interface ClientRow {
  readonly clientId: string;
}

describe('commands', { timeout: 30_000 }, () => {
  let folder: string;
  let server: TestServer;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dw-commands-'));
    server = await startTestServer();
  });
  afterEach(async () => {
    await server[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  const agentOptions = (changes: object = {}): Record<string, string | boolean | string[]> => ({
    server: server.http.endpoint,
    dir: join(folder, 'client'),
    name: 'one',
    channel: ['stable'],
    ...changes,
  });

  /** Enrols and approves a client, and ends its agent. */
  const enrol = async (): Promise<string> => {
    const { result } = await runCommand(server, 'clients invite');
    const { pin } = result as { readonly pin: string };
    const stop = new AbortController();
    const options = agentOptions({ pin });
    const running = runCommand(server, 'agent', { options, signal: stop.signal });
    const clientId = await vi.waitFor(
      async () => {
        const listed = (await runCommand(server, 'clients')).result;
        const [client] = (listed as { readonly clients: readonly ClientRow[] }).clients;
        if (client === undefined) throw new Error('not there yet');
        // The agent has yet to hear of it.
        await access(agentPaths(join(folder, 'client')).server);
        return client.clientId;
      },
      { timeout: 20_000 },
    );
    await runCommand(server, 'clients approve', { arguments: { id: clientId } });
    stop.abort(new Error('Ctrl-C'));
    expect((await running).lines).toContain(`enrolled at test-node as client ${clientId}`);
    return clientId;
  };

  it('are those that the manifest names, and nothing else', async () => {
    const text = await readFile(new URL('../../package.json', import.meta.url), 'utf8');
    const { datawarehouse } = JSON.parse(text) as { readonly datawarehouse: unknown };
    const { contributes } = parsePluginManifest(datawarehouse, 'package.json');
    const named = contributes.commands?.list.map(({ name }) => name) ?? [];
    expect(new Set(commands.map(({ name }) => name.split(' ')[0]))).toEqual(new Set(named));
  });

  it('take a file from a channel to a client, and tell the truth about it', async () => {
    await runCommand(server, 'channels create', { arguments: { id: 'stable' }, options: {} });
    expect((await runCommand(server, 'channels')).lines).toEqual([
      expect.stringMatching(/^stable stable voluntary trusted$/),
    ]);
    const clientId = await enrol();
    const file = join(folder, 'app.tar');
    await writeFile(file, 'the app');
    const published = await runCommand(server, 'publish', {
      options: { channel: ['stable'], file, expires: '1h', priority: '60' },
    });
    const { jobId } = published.result as { readonly jobId: string };
    expect(published.lines[0]).toBe(`published as job ${jobId} to 1 client`);
    const agent = await runCommand(server, 'agent', {
      options: agentOptions({ once: true }),
      isJson: true,
    });
    const events = agent.raw
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { readonly type: string });
    expect(events.map(({ type }) => type)).toEqual([
      ...['connected', 'approved', 'received', 'progress', 'applied', 'reported'],
    ]);
    expect(await readFile(join(folder, 'client', 'files', 'stable', 'app.tar'), 'utf8')).toBe(
      'the app',
    );
    const shown = await runCommand(server, 'jobs show', { arguments: { id: jobId } });
    expect(shown.result).toMatchObject({
      status: 'completed',
      deliveredCount: 1,
      targetStates: [{ clientId, state: 'applied' }],
    });
    expect(shown.lines.join('\n')).toMatch(/completed 1 of 1[\s\S]*applied/);
    const jobs = await runCommand(server, 'jobs', { options: { limit: '5' } });
    expect(jobs.lines).toHaveLength(1);
    const revoked = await runCommand(server, 'clients revoke', { arguments: { id: clientId } });
    expect(revoked.lines[0]).toMatch(/is revoked; trust: untrusted$/);
  });

  it('hold, pause, resume and explain the work of a job', async () => {
    const store = new MemoryBackingStore();
    const client = sampleClient();
    await openCollections(store).clients.create(client.clientId, client);
    await using own = await startTestServer({ store });
    await runCommand(own, 'channels create', { arguments: { id: 'stable' }, options: {} });
    const file = join(folder, 'app.tar');
    await writeFile(file, 'the app');
    expect((await runCommand(own, 'jobs hold')).lines).toEqual(['no job begins']);
    const published = await runCommand(own, 'publish', { options: { channel: 'stable', file } });
    const { jobId: id } = published.result as { readonly jobId: string };
    const work = async (verb: string): Promise<unknown> =>
      (await runCommand(own, `jobs ${verb}`, { arguments: { id } })).result;
    expect(await work('pause')).toMatchObject({ state: 'paused', attempts: [] });
    expect((await runCommand(own, 'jobs release')).lines).toEqual(['jobs begin again']);
    expect(await work('attempts')).toMatchObject({ state: 'paused', starts: 0 });
    expect(await work('resume')).toMatchObject({ state: 'waiting' });
    await vi.waitFor(async () => {
      expect(await work('attempts')).toMatchObject({ state: 'completed', starts: 1 });
    });
    await expect(work('retry')).rejects.toMatchObject({ code: 'DW_AEDS_JOB_NOT_DEAD' });
    expect((await runCommand(own, 'jobs dead')).lines).toEqual(['no dead letters']);
  });

  it('fail where a delivery that was waited for came to nothing', async () => {
    await runCommand(server, 'channels create', { arguments: { id: 'stable' }, options: {} });
    await enrol();
    server.http.intercept = ({ url }, answer) =>
      url.includes('/payloads/') ? { ...answer, body: Buffer.from('THE APP') } : answer;
    const file = join(folder, 'app.tar');
    await writeFile(file, 'the app');
    await runCommand(server, 'publish', { options: { channel: 'stable', file } });
    await expect(
      runCommand(server, 'agent', { options: agentOptions({ once: true }) }),
    ).rejects.toMatchObject({
      code: 'DW_AEDS_DELIVERY_UNSUCCESSFUL',
      details: { code: 'DW_AEDS_PAYLOAD_MISMATCH' },
    });
  });

  it.each([
    [{ file: '/nowhere', channel: 'stable' }, 'DW_AEDS_FILE_IO'],
    [{ file: tmpdir(), channel: 'stable' }, 'DW_AEDS_FILE_IO'],
    [{ file: import.meta.filename }, 'DW_AEDS_REQUEST_INVALID'],
    [{ file: import.meta.filename, channel: 'a', client: 'b' }, 'DW_AEDS_REQUEST_INVALID'],
    [{ file: import.meta.filename, channel: 'a', expires: 'soon' }, 'DW_AEDS_REQUEST_INVALID'],
    [{ file: import.meta.filename, channel: 'a', priority: '101' }, 'DW_AEDS_REQUEST_INVALID'],
    [{ file: import.meta.filename, channel: 'nobody' }, 'DW_AEDS_CHANNEL_UNKNOWN'],
  ])('refuse to publish %j', async (options, code) => {
    await expect(runCommand(server, 'publish', { options })).rejects.toMatchObject({ code });
  });
});
