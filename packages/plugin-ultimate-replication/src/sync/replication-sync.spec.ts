import type { ReplicationSyncEvent } from '@datawarehouse/sdk';
import { describe, expect, it } from 'vitest';
import { services } from '../queue/peer-messages.js';
import { TestCluster } from '../testing/test-node.js';

/** Two nodes whose logs do not reach one another. */
async function startApart(): Promise<TestCluster> {
  const cluster = await TestCluster.start(['a', 'b']);
  cluster.network.fateOf = ({ service }) => (service === services.apply ? 'lost' : 'delivered');
  return cluster;
}

describe('ReplicationSync', { timeout: 30_000 }, () => {
  it('brings both nodes to the same objects, and says what it did', async () => {
    await using cluster = await startApart();
    await cluster.at(0).put('docs', 'of a', 'x');
    await cluster.at(1).put('docs', 'of b', 'y');
    await cluster.at(0).put('docs', 'of both', 'x');
    await cluster.at(1).put('docs', 'of both', 'y');
    const { sync } = cluster.at(0);
    const events: ReplicationSyncEvent['type'][] = [];
    const conflicts: ReplicationSyncEvent[] = [];
    sync.onDidSyncEvent((event) => {
      events.push(event.type);
      if (event.type === 'conflictResolved') conflicts.push(event);
    });
    expect(sync.currentMode).toBe('online');
    expect(sync.status('b')).toEqual({ targetNodeId: 'b', state: 'idle', progress: 0 });
    const result = await sync.sync({ targetNodeId: 'b', mode: 'online' });
    expect(result).toMatchObject({ success: true, itemsSynced: 3, conflictsDetected: 1 });
    expect(sync.status('b')).toMatchObject({
      state: 'completed',
      progress: 100,
      lastSyncAtMs: expect.any(Number),
    });
    // Conflicts are told when they are decided, wherever the exchange is by then.
    await expect
      .poll(() => [...events].sort())
      .toEqual(['conflictDetected', 'conflictResolved', 'syncCompleted', 'syncStarted']);
    expect(conflicts).toEqual([
      {
        type: 'conflictResolved',
        resolution: 'latestWins',
        conflict: {
          key: 'docs/of both',
          localValue: Buffer.from('x'),
          remoteValue: Buffer.from('y'),
          localTimestampMs: expect.any(Number),
          remoteTimestampMs: expect.any(Number),
        },
      },
    ]);
    for (const node of cluster.nodes) {
      expect(await node.text('docs', 'of a')).toBe('x');
      expect(await node.text('docs', 'of b')).toBe('y');
      expect(await node.text('docs', 'of both')).toBe('y');
    }
    const again = await sync.sync({ targetNodeId: 'b', mode: 'online' });
    expect(again).toMatchObject({ success: true, itemsSynced: 0, conflictsDetected: 0 });
  });

  it('keeps to a filter and a time', async () => {
    await using cluster = await startApart();
    await cluster.at(1).put('docs', 'old', 'x');
    const sinceMs = Date.now() + 5;
    await new Promise((resolve) => setTimeout(resolve, 10));
    await cluster.at(1).put('docs/eu', 'new', 'x');
    await cluster.at(1).put('other', 'new', 'x');
    const request = {
      targetNodeId: 'b',
      mode: 'online',
      dataSetFilter: 'docs/**',
      sinceMs,
    } as const;
    expect((await cluster.at(0).sync.sync(request)).itemsSynced).toBe(1);
    expect(await cluster.at(0).text('docs/eu', 'new')).toBe('x');
    expect(await cluster.at(0).text('docs', 'old')).toBeUndefined();
  });

  it('fails with a code, not silently', async () => {
    await using cluster = await startApart();
    const { sync } = cluster.at(0);
    const events: ReplicationSyncEvent['type'][] = [];
    sync.onDidSyncEvent(({ type }) => events.push(type));
    for (const mode of ['offline', 'airGap'] as const) {
      expect(await sync.sync({ targetNodeId: 'b', mode })).toMatchObject({
        success: false,
        error: { code: 'DW_REPLICATION_SYNC_FOLDER_NEEDED' },
      });
    }
    await cluster.at(1).kill();
    expect(await sync.sync({ targetNodeId: 'b', mode: 'online' })).toMatchObject({
      success: false,
      error: { code: 'DW_PEER_UNREACHABLE' },
    });
    expect(sync.status('b').state).toBe('error');
    expect(events.filter((type) => type === 'syncFailed')).toHaveLength(3);
  });

  it('decides a conflict alike on both sides', async () => {
    await using cluster = await startApart();
    const { sync } = cluster.at(0);
    const one = { key: 'k', localValue: Uint8Array.of(1), remoteValue: Uint8Array.of(2) };
    const other = { key: 'k', localValue: Uint8Array.of(2), remoteValue: Uint8Array.of(1) };
    const times = { localTimestampMs: 1, remoteTimestampMs: 1 };
    const decide = (conflict: typeof one, resolution: 'localWins' | 'remoteWins' | 'latestWins') =>
      sync.resolveConflict({ ...conflict, ...times }, resolution);
    expect(await decide(one, 'localWins')).toEqual(Uint8Array.of(1));
    expect(await decide(one, 'remoteWins')).toEqual(Uint8Array.of(2));
    expect(await decide(one, 'latestWins')).toEqual(await decide(other, 'latestWins'));
    const late = { ...one, localTimestampMs: 1, remoteTimestampMs: 2 };
    expect(await sync.resolveConflict(late, 'latestWins')).toEqual(Uint8Array.of(2));
    await expect(sync.resolveConflict(late, 'merge')).rejects.toMatchObject({
      code: 'DW_REPLICATION_RESOLUTION_NOT_OFFERED',
    });
  });
});
