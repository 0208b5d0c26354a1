import { storeError } from '@datawarehouse/sdk';
import { MemoryBackingStore } from '@datawarehouse/sdk/testing';
import { describe, expect, it } from 'vitest';
import { content, digest, event, payload, startFollower } from '../testing/played-origin.js';

/** A store that cannot read the records of one key. */
class BrokenStore extends MemoryBackingStore {
  error: Error | undefined;

  override async read(path: string): Promise<Uint8Array | undefined> {
    if (this.error !== undefined && path.includes('/objects/n/poison')) throw this.error;
    return await super.read(path);
  }
}

const put = (key: string) => event({ operation: 'put', payload, key });
const events = [put('before'), put('poison'), put('after')];
const more = { chunks: [digest] };

describe('EventApplier', { timeout: 30_000 }, () => {
  it('puts an event aside that fails again and again, and goes on with the others', async () => {
    const medium = new BrokenStore();
    await using started = await startFollower({ medium });
    const { node, apply } = started;
    medium.error = new TypeError('no such thing');
    for (let attempt = 0; attempt < 2; attempt += 1) {
      await expect(apply(events, more, [content])).rejects.toBeDefined();
      expect(node.metric('remoteEventsApplied')).toBe(0);
    }
    const answer = await apply(events, more, [content]);
    expect(answer).toMatchObject({
      position: { sequence: 3 },
      refused: [{ sequence: 2, code: 'DW_REPLICATION_EVENT_FAILED' }],
    });
    expect(await node.text('n', 'after')).toBe('content');
    expect(node.metric('deadLettersHeld')).toBe(1);
  });

  it('waits as long as it takes where the reason will pass', async () => {
    const medium = new BrokenStore();
    await using started = await startFollower({ medium });
    const { node, apply } = started;
    medium.error = storeError('DW_STORE_CLOSED');
    for (let attempt = 0; attempt < 6; attempt += 1) {
      await expect(apply(events, more, [content])).rejects.toBeDefined();
    }
    expect(node.metric('deadLetters')).toBe(0);
    medium.error = undefined;
    expect((await apply(events, more, [content])).refused).toEqual([]);
    expect(await node.text('n', 'poison')).toBe('content');
  });

  it('counts only failures of the same batch', async () => {
    const medium = new BrokenStore();
    await using started = await startFollower({ medium });
    const { node, apply } = started;
    medium.error = new TypeError('no such thing');
    await expect(apply([put('poison')], more, [content])).rejects.toBeDefined();
    await expect(apply([put('poison')], more, [content])).rejects.toBeDefined();
    medium.error = undefined;
    await apply([put('poison')], more, [content]);
    medium.error = new TypeError('no such thing');
    await expect(apply([put('poison')], { ...more, from: 2 }, [content])).rejects.toBeDefined();
    expect(node.metric('deadLetters')).toBe(0);
  });
});
