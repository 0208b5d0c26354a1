import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CONTENT_CHUNK_BYTES } from '@datawarehouse/sdk';
import { MemoryBackingStore } from '@datawarehouse/sdk/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { anchorOf, newKeyPair } from '../testing/samples.js';
import { startTestServer, type TestServer } from '../testing/test-server.js';
import { type AgentOptions, type AgentResult, runAgent } from './agent.js';
import type { AgentEvent } from './agent-events.js';

/** An agent under test, and what it has told so far. */
interface RunningAgent {
  readonly events: readonly AgentEvent[];
  readonly done: Promise<AgentResult>;
  stop(): Promise<void>;
}

const isPayload = (url: string): boolean => /\/payloads\/[^/]+$/.test(url);

describe('runAgent', { timeout: 30_000 }, () => {
  let folder: string;
  let server: TestServer;
  let store: MemoryBackingStore;
  let agents: RunningAgent[];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dw-agent-'));
    agents = [];
    store = new MemoryBackingStore();
    server = await startServer();
    await server.call('POST', '/aeds/v1/channels', { channelId: 'stable' });
  });

  afterEach(async () => {
    for (const agent of agents) await agent.stop();
    await server[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  const startServer = (port = 0): Promise<TestServer> =>
    startTestServer({ store, dataDirectory: join(folder, 'server') }, port);

  const start = (options: Partial<AgentOptions> = {}): RunningAgent => {
    const events: AgentEvent[] = [];
    const stopping = new AbortController();
    const done = runAgent(
      {
        endpoint: server.http.endpoint,
        directory: join(folder, 'client'),
        name: 'one',
        channels: ['stable'],
        emit: (event) => events.push(event),
        ...options,
      },
      AbortSignal.any([stopping.signal, AbortSignal.timeout(30_000)]),
    );
    const ended = done.catch(() => undefined);
    const agent: RunningAgent = {
      events,
      done,
      stop: async () => {
        stopping.abort(new Error('stopped'));
        await ended;
      },
    };
    agents.push(agent);
    return agent;
  };

  /** Enrols and approves the client of a folder, and lets it go again. */
  const enrol = async (options: Partial<AgentOptions> = {}): Promise<string> => {
    const agent = start({ pin: await server.invite(), ...options });
    const { clientId } = await seen(agent, 'pending');
    await server.call('POST', `/aeds/v1/clients/${clientId}/approve`);
    await seen(agent, 'approved');
    await agent.stop();
    return clientId;
  };

  const seen = <T extends AgentEvent['type']>(
    { events, done }: RunningAgent,
    type: T,
  ): Promise<Extract<AgentEvent, { type: T }>> =>
    Promise.race([
      vi.waitFor(
        () => {
          const found = events.find((event) => event.type === type);
          if (found === undefined) throw new Error(`no ${type} in ${JSON.stringify(events)}`);
          return found as Extract<AgentEvent, { type: T }>;
        },
        { timeout: 20_000 },
      ),
      done.then(() => {
        throw new Error(`ended without ${type}`);
      }),
    ]);

  const publish = (payload: Uint8Array, changes: Record<string, string> = {}) =>
    server.publish({ channel: 'stable', name: 'a.bin', ...changes }, payload);

  const file = (...path: string[]): Promise<Buffer> =>
    readFile(join(folder, 'client', 'files', ...path));

  /** Every file that the agent has, but for its keys and its state. */
  const delivered = async (): Promise<readonly string[]> => {
    const entries = await readdir(join(folder, 'client'), { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile() && /files|quarantine/.test(entry.parentPath))
      .map(({ name }) => name);
  };

  it('enrols, waits for approval, receives a payload and reports it', async () => {
    const agent = start({ pin: await server.invite(), once: true });
    const { clientId } = await seen(agent, 'pending');
    const payload = randomBytes(300_000);
    await expect(publish(payload)).rejects.toMatchObject({ code: 'DW_AEDS_NO_TARGETS' });
    await server.call('POST', `/aeds/v1/clients/${clientId}/approve`);
    await publish(payload);
    const { jobId, state } = await agent.done;
    expect(state).toBe('applied');
    expect((await file('stable', 'a.bin')).equals(payload)).toBe(true);
    expect(await server.job(jobId)).toMatchObject({
      status: 'completed',
      totalTargets: 1,
      deliveredCount: 1,
      targetStates: [{ clientId, name: 'one', state: 'applied', bytes: 300_000 }],
    });
    expect(await delivered()).toEqual(['a.bin']);
  });

  it('gets what was published while it was away, by the mode that it was sent in', async () => {
    const clientId = await enrol();
    const unicast = { client: clientId, action: 'notify', name: 'note.txt' };
    const { jobId } = await server.publish(unicast, Buffer.from('hello'));
    await server.publish({ minTrustLevel: '2', capabilities: '1', name: 'm' }, Buffer.from('m'));
    await publish(Buffer.alloc(0), { name: 'empty' });
    const agent = start();
    await vi.waitFor(() => {
      expect(agent.events.filter(({ type }) => type === 'reported')).toHaveLength(3);
    });
    expect((await file(jobId, 'note.txt')).toString()).toBe('hello');
    expect((await file('stable', 'empty')).byteLength).toBe(0);
    expect(agent.events.filter(({ type }) => type === 'notification')).toHaveLength(1);
  });

  it('refuses an altered payload, and leaves no file', async () => {
    await enrol();
    server.http.intercept = ({ url }, answer) =>
      isPayload(url) ? { ...answer, body: answer.body.map((byte) => byte ^ 1) } : answer;
    const { jobId } = await publish(randomBytes(100_000));
    const agent = start({ once: true });
    expect(await agent.done).toEqual({ jobId, state: 'refused' });
    expect(await delivered()).toEqual([]);
    expect(await server.job(jobId)).toMatchObject({
      status: 'failed',
      targetStates: [{ state: 'refused', code: 'DW_AEDS_PAYLOAD_MISMATCH' }],
    });
  });

  it('refuses a manifest that was altered on the server, and fetches nothing for it', async () => {
    await enrol();
    const { jobId, manifestId } = await publish(Buffer.from('x'), { name: 'good.sh' });
    await vi.waitFor(async () => {
      expect(await server.job(jobId)).toMatchObject({ totalTargets: 1 });
    });
    await server[Symbol.asyncDispose]();
    const path = `dw://aeds/manifests/${manifestId}`;
    const record = JSON.parse(Buffer.from((await store.read(path)) ?? '').toString());
    const manifest = Buffer.from(record.envelope.payload, 'base64').toString();
    const altered = Buffer.from(manifest.replace('good.sh', 'evil.sh')).toString('base64');
    const envelope = { ...record.envelope, payload: altered };
    await store.write(path, Buffer.from(JSON.stringify({ ...record, envelope })));
    server = await startServer();
    const agent = start({ once: true });
    expect(await agent.done).toEqual({ jobId, state: 'refused' });
    expect(await server.job(jobId)).toMatchObject({
      targetStates: [{ state: 'refused', code: 'DW_AEDS_SIGNATURE_INVALID' }],
    });
    expect(server.http.requests.some(isPayload)).toBe(false);
    expect(await delivered()).toEqual([]);
  });

  it('believes no answer that its server has not signed', async () => {
    await enrol();
    let isBetween = true;
    server.http.intercept = ({ url }, answer) => {
      if (!isBetween || !url.endsWith('/poll')) return answer;
      const body = Buffer.from(answer.body).toString().replace('approved', 'revoked');
      return { ...answer, body: Buffer.from(body) };
    };
    const agent = start();
    expect(await seen(agent, 'disconnected')).toMatchObject({
      code: 'DW_AEDS_SERVER_NOT_AUTHENTIC',
    });
    isBetween = false;
    await seen(agent, 'approved');
  });

  it('fetches after a restart only what it does not have', async () => {
    await enrol();
    const chunks = 40;
    const payload = randomBytes(chunks * CONTENT_CHUNK_BYTES);
    let served = 0;
    server.http.intercept = ({ url }, answer) => {
      if (!isPayload(url) || (served += 1) <= 20) return answer;
      return new Promise(() => undefined);
    };
    await publish(payload);
    const first = start();
    await vi.waitFor(() => {
      expect(served).toBeGreaterThan(20);
    });
    await first.stop();
    served = 0;
    server.http.intercept = ({ url }, answer) => {
      if (isPayload(url)) served += answer.body.byteLength / CONTENT_CHUNK_BYTES;
      return answer;
    };
    expect(await start({ once: true }).done).toMatchObject({ state: 'applied' });
    expect((await file('stable', 'a.bin')).equals(payload)).toBe(true);
    // The twenty that were served had time to be written, but for those in flight.
    expect(served).toBeLessThanOrEqual(chunks - 20 + 8);
  });

  it('does not do again what it could not report before it was stopped', async () => {
    await enrol();
    server.http.refuses = (url) => url.endsWith('/reports');
    const { jobId } = await publish(randomBytes(1000));
    const first = start();
    await seen(first, 'applied');
    await first.stop();
    expect((await server.job(jobId)).status).toBe('inProgress');
    server.http.refuses = () => false;
    const before = server.http.requests.filter(isPayload).length;
    const second = start({ once: true });
    expect(await second.done).toEqual({ jobId, state: 'applied' });
    expect(second.events.some(({ type }) => type === 'received')).toBe(false);
    expect(server.http.requests.filter(isPayload)).toHaveLength(before);
    expect((await server.job(jobId)).status).toBe('completed');
  });

  it('is not held up by one slow download', async () => {
    await enrol();
    const slow = await publish(randomBytes(70_000), { name: 'slow' });
    server.http.intercept = ({ url }, answer) =>
      url.includes(slow.jobId) ? new Promise(() => undefined) : answer;
    const agent = start();
    await seen(agent, 'received');
    await publish(Buffer.from('quick'), { name: 'quick' });
    expect(await seen(agent, 'applied')).toMatchObject({ sizeBytes: 5 });
    expect((await file('stable', 'quick')).toString()).toBe('quick');
  });

  it('keeps the newer of two files for one place, in whatever order they come', async () => {
    await enrol();
    const older = await publish(Buffer.from('older'));
    await new Promise((resolve) => setTimeout(resolve, 5));
    await publish(Buffer.from('newer'));
    server.http.intercept = async ({ url }, answer) => {
      if (url.includes(older.jobId)) await new Promise((resolve) => setTimeout(resolve, 200));
      return answer;
    };
    const agent = start();
    await vi.waitFor(() => {
      expect(agent.events.filter(({ type }) => type === 'reported')).toHaveLength(2);
    });
    expect((await file('stable', 'a.bin')).toString()).toBe('newer');
  });

  it('comes back by itself when the server was away, and keeps its channels', async () => {
    await enrol();
    const agent = start({ once: true });
    await seen(agent, 'approved');
    const { endpoint } = server.http;
    await server[Symbol.asyncDispose]();
    await seen(agent, 'disconnected');
    server = await startServer(Number(new URL(endpoint).port));
    await publish(Buffer.from('again'));
    expect(await agent.done).toMatchObject({ state: 'applied' });
  });

  it('ends when its client is revoked, even while it waits', async () => {
    const clientId = await enrol();
    const agent = start();
    await seen(agent, 'approved');
    await server.call('POST', `/aeds/v1/clients/${clientId}/revoke`);
    await expect(agent.done).rejects.toMatchObject({ code: 'DW_AEDS_CLIENT_REVOKED' });
  });

  it('needs a PIN, and keeps nothing of a server that does not know it', async () => {
    await expect(start().done).rejects.toMatchObject({ code: 'DW_AEDS_PIN_MISSING' });
    await expect(start({ pin: 'AAAA-AAAAA-AAAAA' }).done).rejects.toMatchObject({
      code: 'DW_AEDS_PIN_INVALID',
    });
    server.http.intercept = ({ url }, answer) => {
      if (!url.endsWith('/enrolments')) return answer;
      const body = JSON.parse(Buffer.from(answer.body).toString());
      const anchors = [anchorOf(newKeyPair())];
      return { ...answer, body: Buffer.from(JSON.stringify({ ...body, anchors })) };
    };
    await expect(start({ pin: await server.invite() }).done).rejects.toMatchObject({
      code: 'DW_AEDS_SERVER_NOT_AUTHENTIC',
    });
    expect(await readdir(join(folder, 'client'))).not.toContain('server.json');
  });

  it('trusts the keys of a file in place of those that the server gives', async () => {
    const trustFile = join(folder, 'trust.json');
    await writeFile(trustFile, JSON.stringify([anchorOf(newKeyPair())]));
    const agent = start({ pin: await server.invite(), trustFile });
    await seen(agent, 'enrolled');
    expect(await seen(agent, 'disconnected')).toMatchObject({
      code: 'DW_AEDS_SERVER_NOT_AUTHENTIC',
    });
  });

  it('has its directory to itself', async () => {
    await enrol();
    const agent = start();
    await seen(agent, 'connected');
    await expect(start().done).rejects.toMatchObject({ code: 'DW_AEDS_DIRECTORY_IN_USE' });
  });
});
