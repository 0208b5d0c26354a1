import { describe, expect, it } from 'vitest';
import { ResourceStack } from './resource-stack.js';

describe('ResourceStack', () => {
  const closing = (notes: string[], name: string): Disposable => ({
    [Symbol.dispose]: () => void notes.push(name),
  });

  it('closes in reverse order, asynchronous ones too, and once', async () => {
    const notes: string[] = [];
    const stack = new ResourceStack({ owner: 'x' });
    stack.own(closing(notes, 'first'));
    stack.own({
      [Symbol.asyncDispose]: async () => {
        await Promise.resolve();
        notes.push('second');
      },
    });
    stack.own(closing(notes, 'third'));
    await Promise.all([stack.close(), stack.close()]);
    await stack[Symbol.asyncDispose]();
    expect(notes).toEqual(['third', 'second', 'first']);
  });

  it('goes on past what throws or hangs, and tells all of it', async () => {
    const notes: string[] = [];
    const stack = new ResourceStack({ owner: 'x', limitMs: 20 });
    const error = new Error('stuck');
    stack.own(closing(notes, 'first'));
    stack.own({
      [Symbol.dispose]: () => {
        throw error;
      },
    });
    stack.own({ [Symbol.asyncDispose]: () => new Promise<void>(() => undefined) });
    await expect(stack.close()).rejects.toMatchObject({
      message: 'x: 2 resources did not close',
      errors: [expect.objectContaining({ code: 'DW_PLUGIN_TIMEOUT' }), error],
    });
    expect(notes).toEqual(['first']);
  });

  it('forgets a lent resource that is disposed earlier', async () => {
    const notes: string[] = [];
    const stack = new ResourceStack({ owner: 'x' });
    const lent = stack.lend(closing(notes, 'lent'));
    lent[Symbol.dispose]();
    lent[Symbol.dispose]();
    await stack.close();
    expect(notes).toEqual(['lent']);
  });

  it('closes what comes too late at once, and refuses it', async () => {
    const notes: string[] = [];
    const failures: unknown[] = [];
    const stack = new ResourceStack({
      owner: 'plugin a',
      onDidFail: (error) => failures.push(error),
    });
    await stack.close();
    expect(() => stack.own(closing(notes, 'late'))).toThrow(
      expect.objectContaining({
        code: 'DW_PLUGIN_STOPPED',
        message: expect.stringContaining('plugin a'),
      }),
    );
    expect(notes).toEqual(['late']);
    const error = new Error('stuck');
    expect(() => stack.own({ [Symbol.asyncDispose]: () => Promise.reject(error) })).toThrow();
    await Promise.resolve();
    await Promise.resolve();
    expect(failures).toEqual([error]);
  });
});
