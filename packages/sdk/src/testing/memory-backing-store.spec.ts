import { describe, expect, it } from 'vitest';
import { backingStoreConformance } from './backing-store-conformance.js';
import { MemoryBackingStore } from './memory-backing-store.js';

describe('MemoryBackingStore', () => {
  backingStoreConformance({ test: it, open: async () => new MemoryBackingStore() });

  it('claims nothing that memory does not give', () => {
    expect(new MemoryBackingStore().capabilities).toEqual({ durability: 'memory' });
  });

  it('names the path that it refuses', async () => {
    await using store = new MemoryBackingStore();
    await expect(store.read('file:///etc/passwd')).rejects.toMatchObject({
      code: 'DW_STORE_INVALID_PATH',
      details: { path: 'file:///etc/passwd' },
    });
  });
});
