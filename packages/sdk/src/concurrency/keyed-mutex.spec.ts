import { describe, expect, it } from 'vitest';
import { KeyedMutex } from './keyed-mutex.js';

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

describe('KeyedMutex', () => {
  it('runs the work of one key one at a time, in order of arrival', async () => {
    const mutex = new KeyedMutex();
    const log: string[] = [];
    const work = (name: string) =>
      mutex.run('key', async () => {
        log.push(`${name} in`);
        await turn();
        log.push(`${name} out`);
        return name;
      });
    expect(await Promise.all([work('a'), work('b'), work('c')])).toEqual(['a', 'b', 'c']);
    expect(log).toEqual(['a in', 'a out', 'b in', 'b out', 'c in', 'c out']);
  });

  it('lets the work of different keys overlap', async () => {
    const mutex = new KeyedMutex();
    const log: string[] = [];
    const work = (key: string) =>
      mutex.run(key, async () => {
        log.push(`${key} in`);
        await turn();
        log.push(`${key} out`);
      });
    await Promise.all([work('a'), work('b')]);
    expect(log).toEqual(['a in', 'b in', 'a out', 'b out']);
  });

  it('passes the lock on when work fails, and passes the failure to its caller alone', async () => {
    const mutex = new KeyedMutex();
    const results = await Promise.allSettled([
      mutex.run('key', async () => {
        await turn();
        throw new Error('failed');
      }),
      mutex.run('key', () => {
        throw new Error('failed at once');
      }),
      mutex.run('key', () => 'done'),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled']);
  });

  it('remembers no key that nobody holds', async () => {
    const mutex = new KeyedMutex();
    const held = mutex.run('a', turn);
    expect(mutex.size).toBe(1);
    await Promise.all([held, mutex.run('a', turn), mutex.run('b', turn)]);
    expect(mutex.size).toBe(0);
  });

  it('counts acquisitions, those that had to wait, and how long they did', async () => {
    const mutex = new KeyedMutex();
    expect(mutex.statistics()).toEqual({ acquisitions: 0, contentions: 0, waitMs: 0 });
    await Promise.all([mutex.run('a', turn), mutex.run('a', turn), mutex.run('b', turn)]);
    expect(mutex.statistics()).toMatchObject({ acquisitions: 3, contentions: 1 });
    expect(mutex.statistics().waitMs).toBeGreaterThan(0);
  });
});
