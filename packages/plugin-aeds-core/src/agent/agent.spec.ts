import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../testing/test-server.js';
import { runAgent } from './agent.js';
import type { AgentEvent } from './agent-events.js';

describe('runAgent', () => {
  let folder: string;
  let server: TestServer;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dw-agent-'));
    server = await startTestServer();
    await server.call('POST', '/aeds/v1/channels', { channelId: 'stable' });
  });

  afterEach(async () => {
    await server[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  it('enrols, waits for approval, receives a payload and reports it', async () => {
    const events: AgentEvent[] = [];
    const approve = (event: AgentEvent): void => {
      events.push(event);
      if (event.type === 'pending') {
        void server
          .call('POST', `/aeds/v1/clients/${event.clientId}/approve`)
          .then(() => server.publish({ channel: 'stable', name: 'a.bin' }, payload));
      }
    };
    const payload = randomBytes(300_000);
    const result = await runAgent(
      {
        endpoint: server.http.endpoint,
        directory: folder,
        pin: await server.invite(),
        name: 'one',
        channels: ['stable'],
        once: true,
        emit: approve,
      },
      AbortSignal.timeout(20_000),
    );
    expect(result.state).toBe('applied');
    expect((await readFile(join(folder, 'files', 'stable', 'a.bin'))).equals(payload)).toBe(true);
    const job = await server.job(result.jobId);
    expect(job).toMatchObject({ status: 'completed', deliveredCount: 1, totalTargets: 1 });
    expect(events.map(({ type }) => type)).toEqual(
      expect.arrayContaining([
        'enrolled',
        'connected',
        'pending',
        'approved',
        'received',
        'applied',
      ]),
    );
  });
});
