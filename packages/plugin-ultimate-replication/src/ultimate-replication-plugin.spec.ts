import { randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  IReplicationSync,
  IScalableSubsystem,
  type PluginModule,
  storePrefix,
} from '@datawarehouse/sdk';
import { describe, expect, it } from 'vitest';
import * as pluginModule from './index.js';
import { IReplicatedObjectStore } from './objects/object-store-contract.js';
import { eventually, TestCluster } from './testing/test-node.js';

describe('UltimateReplicationPlugin', { timeout: 30_000 }, () => {
  it('provides its manager and its services when it is initialised', async () => {
    await using cluster = await TestCluster.start(['a']);
    const { services } = cluster.at(0).context;
    expect(services.getAll(IScalableSubsystem).map((one) => one.subsystemName)).toEqual([
      'replication',
    ]);
    expect(services.tryGet(IReplicatedObjectStore)).toBeDefined();
    expect(services.tryGet(IReplicationSync)).toBeDefined();
    const { createPlugin }: PluginModule = pluginModule;
    expect(createPlugin()).toBeInstanceOf(pluginModule.UltimateReplicationPlugin);
  });

  it('carries an object to every replica, small and large', async () => {
    await using cluster = await TestCluster.start(['a', 'b', 'c']);
    const large = randomBytes(1_000_000).toString('base64');
    await cluster.at(0).put('docs', 'small', 'x');
    await cluster.at(0).put('docs', 'empty', '');
    await cluster.at(0).put('docs', 'large', large);
    await cluster.settled();
    for (const node of cluster.nodes) {
      expect(await node.text('docs', 'small')).toBe('x');
      expect(await node.text('docs', 'empty')).toBe('');
      expect(await node.text('docs', 'large')).toBe(large);
    }
  });

  it('keeps large objects in pack files of its data directory', async () => {
    await using cluster = await TestCluster.start(['a']);
    const large = randomBytes(200_000).toString('base64');
    await cluster.at(0).put('docs', 'large', large);
    await cluster.at(0).kill();
    const packs = await readdir(join(cluster.at(0).context.dataDirectory, 'content'));
    expect(packs).toEqual([expect.stringMatching(/^[0-9a-f]{16}\.pack$/)]);
    const back = await cluster.again(0);
    expect(await back.text('docs', 'large')).toBe(large);
  });

  it('removes an object everywhere, and hides the tombstone', async () => {
    await using cluster = await TestCluster.start(['a', 'b']);
    await cluster.at(0).put('docs', 'k', 'x');
    await cluster.settled();
    await cluster.at(1).objects.delete('docs', 'k');
    await cluster.settled();
    for (const { objects } of cluster.nodes) {
      expect((await objects.list('docs')).objects).toEqual([]);
      expect((await objects.namespaces()).namespaces).toEqual([]);
      await expect(objects.get('docs', 'k')).rejects.toMatchObject({
        code: 'DW_REPLICATION_NOT_FOUND',
      });
    }
  });

  it('continues from the offset of a replica that was killed, and misses nothing', async () => {
    await using cluster = await TestCluster.start(['a', 'b']);
    for (let index = 0; index < 50; index += 1) {
      if (index === 20) await cluster.at(1).kill();
      await cluster.at(0).put('load', `k${index}`, `value ${index}`);
    }
    await cluster.at(0).objects.delete('load', 'k7');
    const back = await cluster.again(1);
    await cluster.settled();
    expect((await back.objects.list('load')).objects).toHaveLength(49);
    expect(await back.text('load', 'k49')).toBe('value 49');
    expect(back.metric('resynchronisations')).toBe(0);
  });

  it('sends after a restart what it had written and not sent before it was killed', async () => {
    await using cluster = await TestCluster.start(['a', 'b']);
    cluster.network.cut('a', 'b');
    for (let index = 0; index < 10; index += 1) {
      await cluster.at(0).put('load', `k${index}`, `value ${index}`);
    }
    await cluster.at(0).kill();
    cluster.network.heal();
    await cluster.again(0);
    await cluster.settled();
    expect((await cluster.at(1).objects.list('load')).objects).toHaveLength(10);
    await cluster.at(0).put('load', 'k10', 'after');
    await cluster.settled();
    expect(await cluster.at(1).text('load', 'k10')).toBe('after');
  });

  it('misses nothing wherever the replica dies between two batches of its store', async () => {
    await using cluster = await TestCluster.start(['a', 'b']);
    for (let round = 0; round < 12; round += 1) {
      cluster.at(1).store.batchesUntilDeath = round;
      for (let index = 0; index < 6; index += 1) {
        await cluster.at(0).put('load', `${round} ${index}`, `value ${round} ${index}`);
      }
      await eventually('the end of it', async () => {
        const [replica] = await cluster.at(0).replicas();
        return replica?.lag === 0 || replica?.active === false;
      });
      await cluster.at(1).kill();
      await cluster.again(1);
      await cluster.settled();
    }
    const page = await cluster.at(1).objects.list('load', { limit: 100 });
    expect(page.objects).toHaveLength(72);
    expect(cluster.at(0).metric('deadLetters')).toBe(0);
    expect(await cluster.at(1).text('load', '11 5')).toBe('value 11 5');
  });

  it('lets the content of overwritten and removed objects go', async () => {
    await using cluster = await TestCluster.start(['a', 'b']);
    for (let index = 0; index < 5; index += 1) {
      await cluster.at(0).put('docs', 'k', randomBytes(300_000));
    }
    await cluster.settled();
    await cluster.at(0).objects.delete('docs', 'k');
    await cluster.settled();
    for (let index = 0; index < 2; index += 1) {
      await cluster.at(index).stop();
      const node = await cluster.again(index);
      await eventually('the content to go', async () => {
        const chunks = node.store.list(storePrefix('content', 'replication', 'chunks'));
        for await (const _ of chunks) return false;
        return true;
      });
    }
  });

  it('says that it is degraded while a replica does not answer', async () => {
    await using cluster = await TestCluster.start(['a', 'b']);
    expect(cluster.at(0).plugin.health()).toEqual({ status: 'healthy' });
    await cluster.at(1).kill();
    await eventually('it to notice', () => cluster.at(0).plugin.health().status === 'degraded');
    await cluster.again(1);
    await eventually('it to recover', () => cluster.at(0).plugin.health().status === 'healthy');
  });
});
