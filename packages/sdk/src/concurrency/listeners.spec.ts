import { describe, expect, it } from 'vitest';
import { Listeners } from './listeners.js';

describe('Listeners', () => {
  it('calls everyone in the order they came, until disposed', () => {
    const listeners = new Listeners<number>('onDidTest');
    const log: string[] = [];
    const first = listeners.add((event) => log.push(`first ${event}`));
    listeners.add((event) => log.push(`second ${event}`));
    listeners.emit(1);
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    listeners.emit(2);
    expect(log).toEqual(['first 1', 'second 1', 'second 2']);
    expect(listeners.size).toBe(1);
  });

  it('takes one function that is added twice for two listeners', () => {
    const listeners = new Listeners<number>('onDidTest');
    let calls = 0;
    const listener = (): void => {
      calls += 1;
    };
    const once = listeners.add(listener);
    listeners.add(listener);
    once[Symbol.dispose]();
    listeners.emit(1);
    expect(calls).toBe(1);
  });

  it('warns of a listener that throws, and calls the others', async () => {
    const warned = new Promise<Error>((resolve) => process.once('warning', resolve));
    const listeners = new Listeners<number>('onDidTest');
    const seen: number[] = [];
    listeners.add(() => {
      throw new Error('listener failed');
    });
    listeners.add((event) => seen.push(event));
    listeners.emit(1);
    expect(seen).toEqual([1]);
    expect(await warned).toMatchObject({
      name: 'DataWarehouseListener',
      message: 'A listener of onDidTest threw',
    });
  });

  it('tells whoever asked what a listener threw, instead of warning', () => {
    const errors: unknown[] = [];
    const listeners = new Listeners<number>('onDidTest', {
      onError: (error) => errors.push(error),
    });
    const failure = new Error('listener failed');
    listeners.add(() => {
      throw failure;
    });
    listeners.emit(1);
    expect(errors).toEqual([failure]);
  });

  it('calls those who were there when it began', () => {
    const listeners = new Listeners<number>('onDidTest');
    const log: string[] = [];
    listeners.add(() => {
      log.push('first');
      listeners.add(() => log.push('later'));
    });
    listeners.emit(1);
    expect(log).toEqual(['first']);
    listeners.clear();
    listeners.emit(2);
    expect(log).toEqual(['first']);
  });
});
