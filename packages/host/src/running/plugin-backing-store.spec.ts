import { backingStoreConformance, MemoryBackingStore } from '@datawarehouse/sdk/testing';
import { describe, expect, it } from 'vitest';
import { PluginBackingStore } from './plugin-backing-store.js';

describe('PluginBackingStore', () => {
  backingStoreConformance({
    test: it,
    open: async () => new PluginBackingStore(new MemoryBackingStore()),
  });

  it('leaves the store open when it is closed', async () => {
    await using store = new MemoryBackingStore();
    const view = new PluginBackingStore(store);
    await view.write('dw://a', Uint8Array.of(1));
    await view.close();
    await expect(view.read('dw://a')).rejects.toMatchObject({ code: 'DW_STORE_CLOSED' });
    expect(await store.read('dw://a')).toEqual(Uint8Array.of(1));
  });
});
