import { createHash, randomBytes } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AgentProcess } from '../support/agent-process.js';
import { alteringProxy, flipBit } from '../support/altering-proxy.js';
import { runDw, runDwJson } from '../support/dw-process.js';
import { eventually } from '../support/eventually.js';
import { aedsCore, NodeProcess } from '../support/node-process.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';

interface Job {
  readonly jobId: string;
  readonly status: string;
  readonly targetStates: readonly {
    readonly clientId: string;
    readonly state: string;
    readonly code?: string;
  }[];
}

const sha256 = (data: Uint8Array) => createHash('sha256').update(data).digest('hex');

describe('a node and a fleet of agents', () => {
  let folder: TemporaryFolder;
  let node: NodeProcess;

  beforeAll(async () => {
    folder = await temporaryFolder();
    node = await NodeProcess.start({
      folder: join(folder.path, 'node'),
      nodeId: 'server',
      plugins: [aedsCore],
    });
  });
  afterAll(async () => {
    await node[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  /** An approved agent in a channel of its own. */
  async function enrol(name: string, channel: string, server = node.endpoint) {
    const directory = join(folder.path, name);
    const { pin } = await runDwJson<{ pin: string }>(['clients', 'invite', ...node.flags]);
    const agent = AgentProcess.start(server, directory, ['--pin', pin, '--channel', channel]);
    const { clientId } = (await agent.line('pending')) as unknown as { clientId: string };
    await runDwJson(['clients', 'approve', clientId, ...node.flags]);
    await agent.line('approved');
    return { agent, clientId, directory };
  }

  async function publish(channel: string, data: Uint8Array, name = 'payload.bin'): Promise<string> {
    const file = join(folder.path, name);
    await writeFile(file, data);
    const { jobId } = await runDwJson<{ jobId: string }>([
      'publish',
      '--channel',
      channel,
      '--file',
      file,
      ...node.flags,
    ]);
    return jobId;
  }

  const show = (jobId: string) => runDwJson<Job>(['jobs', 'show', jobId, ...node.flags]);

  async function filesOf(directory: string): Promise<readonly string[]> {
    const names = await readdir(join(directory, 'files'), { recursive: true }).catch(() => []);
    return names.filter((name) => /\.\w+$/.test(name));
  }

  it('delivers to every agent of a channel, and knows the true state of each', async () => {
    await runDwJson(['channels', 'create', 'stable', ...node.flags]);
    const fleet = [await enrol('a1', 'stable'), await enrol('a2', 'stable')];
    const data = randomBytes(1_000_000);
    const jobId = await publish('stable', data);
    for (const { agent } of fleet) {
      const { path } = (await agent.line('applied')) as unknown as { path: string };
      expect(sha256(await readFile(path))).toBe(sha256(data));
    }
    const job = await eventually('both reports', async () => {
      const shown = await show(jobId);
      return shown.status === 'completed' && shown;
    });
    expect(job.targetStates.map(({ state }) => state)).toEqual(['applied', 'applied']);
    expect(job.targetStates.map(({ clientId }) => clientId).sort()).toEqual(
      fleet.map(({ clientId }) => clientId).sort(),
    );
    for (const { agent } of fleet) await agent.kill();
  });

  it('keeps a delivery for an agent that is away', async () => {
    await runDwJson(['channels', 'create', 'away', ...node.flags]);
    const { agent, directory } = await enrol('a3', 'away');
    await agent.kill();
    const data = randomBytes(100_000);
    const jobId = await publish('away', data);
    expect((await show(jobId)).targetStates.map(({ state }) => state)).not.toContain('applied');
    await node.kill();
    await node.startAgain();
    await using back = AgentProcess.start(node.endpoint, directory, ['--channel', 'away']);
    const { path } = (await back.line('applied')) as unknown as { path: string };
    expect(sha256(await readFile(path))).toBe(sha256(data));
    await eventually('the report', async () => (await show(jobId)).status === 'completed');
  });

  it('refuses an altered payload with a code, and leaves no file', async () => {
    await runDwJson(['channels', 'create', 'poisoned', ...node.flags]);
    await using proxy = await alteringProxy(node.endpoint, (url, body) =>
      /\/payloads\/[^/?]+(\?|$)/.test(url) && body.length > 1000 ? flipBit(body, 500) : body,
    );
    const { agent, directory } = await enrol('a4', 'poisoned', proxy.endpoint);
    const jobId = await publish('poisoned', randomBytes(200_000));
    const line = await Promise.race([
      agent.line('refused'),
      agent.line('failed'),
      agent.line('retrying'),
    ]);
    expect(line['code']).toMatch(/^DW_AEDS_/);
    expect(proxy.alteredCount).toBeGreaterThan(0);
    await agent.kill();
    expect(await filesOf(directory)).toEqual([]);
    expect((await show(jobId)).targetStates.map(({ state }) => state)).not.toContain('applied');
  });

  it('refuses an altered manifest with a code, and leaves no file', async () => {
    await runDwJson(['channels', 'create', 'forged', ...node.flags]);
    await using proxy = await alteringProxy(node.endpoint, (url, body) => {
      const text = Buffer.from(body).toString('utf8');
      if (!url.includes('/agent/poll')) return body;
      // The signed body travels in base64; another priority or name is another text there.
      const altered = text.replace(
        /("payload"\s*:\s*"[A-Za-z0-9+/_-]{40})([A-Za-z0-9+/_-])/,
        (_, head: string, one: string) => `${head}${one === 'A' ? 'B' : 'A'}`,
      );
      return altered === text ? body : Buffer.from(altered);
    });
    const { agent, directory } = await enrol('a5', 'forged', proxy.endpoint);
    const jobId = await publish('forged', randomBytes(1000));
    const line = await Promise.race([
      agent.line('refused'),
      agent.line('failed'),
      agent.line('disconnected'),
    ]);
    expect(line['code']).toMatch(/^DW_AEDS_/);
    expect(proxy.alteredCount).toBeGreaterThan(0);
    await agent.kill();
    expect(await filesOf(directory)).toEqual([]);
    expect((await show(jobId)).targetStates.map(({ state }) => state)).not.toContain('applied');
  });

  it('refuses a wrong PIN', async () => {
    const { code, stdout } = await runDw([
      'agent',
      '--server',
      node.endpoint,
      '--dir',
      join(folder.path, 'a6'),
      '--pin',
      '00000-00000-00000',
      '--json',
    ]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/DW_AEDS_\w*PIN\w*|DW_AEDS_\w*INVIT\w*|DW_AEDS_\w*ENROL\w*/);
  });

  it('refuses to publish to nobody', async () => {
    await runDwJson(['channels', 'create', 'empty', ...node.flags]);
    const file = join(folder.path, 'x.txt');
    await writeFile(file, 'x');
    const { code, stderr } = await runDw([
      'publish',
      '--channel',
      'empty',
      '--file',
      file,
      ...node.flags,
    ]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/\[DW_AEDS_\w+\]\nhint: /);
  });
});
