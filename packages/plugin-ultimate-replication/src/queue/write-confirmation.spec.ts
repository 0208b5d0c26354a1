import { systemClock } from '@datawarehouse/sdk';
import { describe, expect, it } from 'vitest';
import { eventually, TestCluster } from '../testing/test-node.js';
import { services } from './peer-messages.js';

const config = {
  confirmTimeoutMs: 400,
  routes: [
    { pattern: 'critical/**', strategy: 'synchronous' },
    { pattern: 'private/**', strategy: 'local-only' },
  ],
};

describe('WriteConfirmation', { timeout: 30_000 }, () => {
  it('lets a synchronous write return when every active replica has stored it', async () => {
    await using cluster = await TestCluster.start(['a', 'b', 'c'], { config });
    for (let index = 0; index < 10; index += 1) {
      const receipt = await cluster.at(0).put('critical/eu', `k${index}`, `v${index}`);
      expect(receipt).toMatchObject({ strategy: 'synchronous', confirmedBy: ['b', 'c'] });
      for (const node of cluster.nodes) {
        expect(await node.text('critical/eu', `k${index}`)).toBe(`v${index}`);
      }
    }
    const removed = await cluster.at(0).objects.delete('critical/eu', 'k0');
    expect(removed.confirmedBy).toEqual(['b', 'c']);
    expect(await cluster.at(2).text('critical/eu', 'k0')).toBeUndefined();
  });

  it('returns at once where no replica is registered', async () => {
    await using cluster = await TestCluster.start(['a'], { config });
    const receipt = await cluster.at(0).put('critical', 'k', 'x');
    expect(receipt).toMatchObject({ strategy: 'synchronous', confirmedBy: [] });
  });

  it('does not wait for a replica that turns inactive', async () => {
    await using cluster = await TestCluster.start(['a', 'b', 'c'], {
      config: { ...config, confirmTimeoutMs: 8_000 },
    });
    await cluster.at(2).kill();
    const receipt = await cluster.at(0).put('critical', 'k', 'x');
    expect(receipt.confirmedBy).toEqual(['b']);
  });

  it('refuses the promise where replicas are registered and none is active', async () => {
    await using cluster = await TestCluster.start(['a', 'b'], { config });
    await cluster.at(1).kill();
    await eventually('b to be inactive', () => cluster.at(0).metric('activeReplicaCount') === 0);
    await expect(cluster.at(0).put('critical', 'k', 'x')).rejects.toMatchObject({
      code: 'DW_REPLICATION_UNCONFIRMED',
      retryable: true,
      details: { isStored: true, confirmedBy: [] },
    });
    expect(await cluster.at(0).text('critical', 'k')).toBe('x');
    await cluster.again(1);
    await cluster.settled();
    expect(await cluster.at(1).text('critical', 'k')).toBe('x');
  });

  it('gives up on a silent replica after its time limit', async () => {
    await using cluster = await TestCluster.start(['a', 'b'], { config });
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    cluster.network.delayOf = async ({ service }) => {
      if (service === services.apply) await held;
    };
    await expect(cluster.at(0).put('critical', 'k', 'x')).rejects.toMatchObject({
      code: 'DW_REPLICATION_UNCONFIRMED',
      details: { silent: ['b'] },
    });
    release();
    await cluster.settled();
    expect(await cluster.at(1).text('critical', 'k')).toBe('x');
  });

  it('does not call a write confirmed that a replica had to refuse', async () => {
    await using cluster = await TestCluster.start(['a'], { config });
    const behind = { now: () => Date.now() - 7_200_000 };
    await cluster.add({ nodeId: 'b', members: ['a'], clock: { ...systemClock, ...behind } });
    await cluster.at(0).membership.join('http://b');
    await eventually('b to follow', async () => (await cluster.at(1).replicas())[0]?.received);
    await expect(cluster.at(0).put('critical', 'k', 'x')).rejects.toMatchObject({
      code: 'DW_REPLICATION_UNCONFIRMED',
      details: { refusedBy: [{ nodeId: 'b', code: 'DW_REPLICATION_CLOCK_DRIFT' }] },
    });
    expect(cluster.at(1).metric('deadLetters')).toBe(1);
    expect(cluster.at(0).metric('totalReplicatedEvents')).toBe(0);
  });

  it('ends a wait when the caller is gone', async () => {
    await using cluster = await TestCluster.start(['a', 'b'], { config });
    cluster.network.fateOf = ({ service }) => (service === services.apply ? 'lost' : 'delivered');
    const gone = new AbortController();
    const reason = new Error('gone');
    const put = cluster.at(0).objects.put('critical', 'k', Buffer.from('x'), {
      signal: gone.signal,
    });
    setTimeout(() => gone.abort(reason), 50);
    await expect(put).rejects.toBe(reason);
  });

  it('keeps a local-only write on its node', async () => {
    await using cluster = await TestCluster.start(['a', 'b'], { config });
    const receipt = await cluster.at(0).put('private/me', 'k', 'secret');
    expect(receipt).toMatchObject({ strategy: 'local-only', confirmedBy: [] });
    // A later synchronous write has passed the dispatcher, and so would the earlier one have.
    await cluster.at(0).put('critical', 'fence', 'x');
    expect(await cluster.at(1).text('private/me', 'k')).toBeUndefined();
    // Nor does it leave by an exchange of all objects.
    const joined = await cluster.add({ nodeId: 'c', members: ['a', 'b'], config });
    await eventually('c to have all', () => joined.text('critical', 'fence'));
    await cluster.at(1).sync.sync({ targetNodeId: 'a', mode: 'online' });
    for (const node of [cluster.at(1), joined]) {
      expect(await node.text('private/me', 'k')).toBeUndefined();
      const paths = node.store.list('dw://replication/objects/private');
      for await (const path of paths) expect(path).toBe('nothing');
    }
    expect(await cluster.at(0).text('private/me', 'k')).toBe('secret');
    for (const { body } of cluster.network.calls) {
      expect(Buffer.from(body).includes('private/me')).toBe(false);
    }
  });
});
