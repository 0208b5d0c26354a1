import type { MembershipChange } from '@datawarehouse/sdk';
import { storePath } from '@datawarehouse/sdk';
import { createTestNodeIdentity, MemoryBackingStore } from '@datawarehouse/sdk/testing';
import { describe, expect, it } from 'vitest';
import { MemberStore } from './member-store.js';
import { MAX_MEMBERS, MemberTable } from './member-table.js';

const key = createTestNodeIdentity().publicKey;
const node = (nodeId: string, port = 1) => ({
  nodeId,
  publicKey: key,
  endpoint: `http://127.0.0.1:${port}`,
});

async function open(store = new MemoryBackingStore()) {
  const changes: MembershipChange[] = [];
  const table = await MemberTable.open({
    store: new MemberStore(store),
    isAlone: false,
    now: () => 1_000,
    onChange: (change) => changes.push(change),
  });
  return { store, table, changes };
}

describe('MemberTable', () => {
  it('tells a real change, and nothing twice', async () => {
    const { table, changes } = await open();
    await table.admit(node('n2'), false);
    await table.admit(node('n2'), false);
    await table.admit(node('n2', 2), false);
    await table.leave('n2');
    await table.leave('n2');
    await table.leave('stranger');
    await table.admit(node('n2', 2), false);
    expect(changes.map(({ action, endpoint }) => `${action} ${endpoint ?? ''}`)).toEqual([
      'joined http://127.0.0.1:1',
      'joined http://127.0.0.1:2',
      'left http://127.0.0.1:2',
      'joined http://127.0.0.1:2',
    ]);
  });

  it('keeps members and removals over a restart', async () => {
    const { store, table } = await open();
    await table.admit(node('n3'), false);
    await table.admit(node('n2'), false);
    await table.admit(node('n4'), false);
    await table.remove('n4');
    const again = await open(store);
    expect(again.table.list().map(({ nodeId }) => nodeId)).toEqual(['n2', 'n3']);
    expect(again.table.get('n2')).toEqual({ ...node('n2'), joinedAtMs: 1_000 });
    expect(again.table.wasRemoved('n4')).toBe(true);
    expect(again.changes).toEqual([]);
  });

  it('refuses a member that shows another key, until it is removed', async () => {
    const { table } = await open();
    await table.admit(node('n2'), false);
    const other = { ...node('n2'), publicKey: createTestNodeIdentity().publicKey };
    await expect(table.admit(other, true)).rejects.toMatchObject({
      code: 'DW_PEER_IDENTITY_MISMATCH',
    });
    await table.remove('n2');
    await table.admit(other, true);
    expect(table.get('n2')?.publicKey).toBe(other.publicKey);
  });

  it('takes a removed node back only when asked for', async () => {
    const { store, table } = await open();
    await table.admit(node('n2'), false);
    expect(await table.remove('n2')).toBe(true);
    expect(await table.remove('n2')).toBe(false);
    await expect(table.admit(node('n2'), false)).rejects.toMatchObject({
      code: 'DW_CLUSTER_REMOVED',
    });
    await table.admit(node('n2'), true);
    expect((await open(store)).table.wasRemoved('n2')).toBe(false);
  });

  it('refuses more members than it may have', async () => {
    const { table } = await open();
    for (let i = 0; i < MAX_MEMBERS; i += 1) await table.admit(node(`n${i}`), false);
    await expect(table.admit(node('more'), false)).rejects.toMatchObject({
      code: 'DW_CLUSTER_FULL',
    });
    await table.admit(node('n0', 2), false);
  });

  it('says which record is damaged', async () => {
    const { store } = await open();
    const path = storePath('internal', 'cluster', 'members', 'n2');
    await store.write(path, Buffer.from('{'));
    await expect(open(store)).rejects.toMatchObject({
      code: 'DW_STORE_CORRUPT',
      details: { path },
    });
  });
});
