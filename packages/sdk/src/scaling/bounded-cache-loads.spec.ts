import { describe, expect, it } from 'vitest';
import { FaultyBackingStore } from '../testing/faulty-backing-store.js';
import { ManualClock } from '../testing/manual-clock.js';
import { MemoryBackingStore } from '../testing/memory-backing-store.js';
import { BoundedCache } from './bounded-cache.js';

const backingStorePath = 'dw://cache/notes/texts/';

/** A loader whose loads end when told. */
function heldLoader() {
  const loads: {
    readonly key: string;
    readonly signal: AbortSignal | undefined;
    readonly resolve: (value: string | undefined) => void;
    readonly reject: (error: Error) => void;
  }[] = [];
  const loader = (key: string, signal?: AbortSignal): Promise<string | undefined> =>
    new Promise((resolve, reject) => {
      loads.push({ key, signal, resolve, reject });
    });
  return { loads, loader };
}

/** Lets everything go on that waits on promises alone. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('loads of a BoundedCache', () => {
  it('end at once with what is set or deleted meanwhile, and the loader is told', async () => {
    const { loads, loader } = heldLoader();
    const cache = new BoundedCache<string, string>({ loader });
    const asked = [cache.load('a'), cache.load('a'), cache.load('b')];
    await turn();
    cache.set('a', 'new');
    cache.delete('b');
    expect(await Promise.all(asked)).toEqual(['new', 'new', undefined]);
    for (const { signal, resolve } of loads) {
      expect(signal?.aborted).toBe(true);
      resolve('old');
    }
    await cache.flush();
    expect([...cache.entries()]).toEqual([['a', 'new']]);
  });

  it('begin anew after the key was deleted', async () => {
    const { loads, loader } = heldLoader();
    const cache = new BoundedCache<string, string>({ loader });
    const before = cache.load('a');
    await turn();
    cache.delete('a');
    const after = cache.load('a');
    await turn();
    loads[0]?.resolve('old');
    loads[1]?.resolve('new');
    expect(await Promise.all([before, after])).toEqual([undefined, 'new']);
    expect(cache.get('a')).toBe('new');
  });

  it('are aborted only when nobody waits any more', async () => {
    const { loads, loader } = heldLoader();
    const cache = new BoundedCache<string, string>({ loader });
    const [one, other] = [new AbortController(), new AbortController()];
    const asked = [one, other].map(({ signal }) => cache.load('a', { signal }));
    const refused = Promise.allSettled(asked);
    await turn();
    one.abort(new Error('one'));
    expect(loads[0]?.signal?.aborted).toBe(false);
    other.abort(new Error('other'));
    expect((await refused).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(loads[0]?.signal?.reason).toMatchObject({ message: 'other' });
    loads[0]?.resolve('late');
    const again = cache.load('a');
    await turn();
    loads[1]?.resolve('v');
    expect(await again).toBe('v');
  });

  it('remember for a while that the loader had nothing', async () => {
    const clock = new ManualClock();
    let loads = 0;
    const loader = async () => {
      loads += 1;
      return undefined;
    };
    const cache = new BoundedCache<string, string>({ loader, clock, absentTtlMs: 100 });
    await cache.load('a');
    await cache.load('a');
    expect(loads).toBe(1);
    cache.clear();
    await cache.load('a');
    clock.advance(100);
    await cache.load('a');
    expect(loads).toBe(3);
  });

  it('reject when the cache is closed', async () => {
    const { loads, loader } = heldLoader();
    const cache = new BoundedCache<string, string>({ loader });
    const refused = expect(cache.load('a')).rejects.toMatchObject({ code: 'DW_CACHE_CLOSED' });
    await turn();
    await cache.close();
    await refused;
    loads[0]?.reject(new Error('too late for anybody'));
  });

  it('ask the loader for what the store does not have, once', async () => {
    const clock = new ManualClock();
    const backingStore = new FaultyBackingStore(new MemoryBackingStore());
    const asked: string[] = [];
    const options = {
      ...{ backingStore, backingStorePath, clock, defaultTtlMs: 100 },
      loader: async (key: string) => {
        asked.push(key);
        return `value of ${key}`;
      },
    };
    const cache = new BoundedCache<string, string>(options);
    expect(await cache.load('a')).toBe('value of a');
    await cache.close();
    const again = new BoundedCache<string, string>(options);
    expect(await again.load('a')).toBe('value of a');
    expect(asked).toEqual(['a']);
    again.delete('a');
    expect(await again.load('a')).toBe('value of a');
    clock.advance(100);
    expect(await again.load('a')).toBe('value of a');
    expect(asked).toEqual(['a', 'a', 'a']);
    await again.close();
  });
});
