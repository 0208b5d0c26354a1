import { describe, expect, it } from 'vitest';
import { asynchronous } from './asynchronous.js';
import { StrategyRegistry } from './strategy-registry.js';

const builtIn = [
  ...[
    'asynchronous',
    'synchronous',
    'quorum',
    'primary-secondary',
    'multi-primary',
    'multi-primary-siblings',
  ],
  ...['crdt', 'local-only'],
];

describe('StrategyRegistry', () => {
  it('knows the built-in strategies', () => {
    const names = new StrategyRegistry().list().map(({ name }) => name);
    expect(names).toEqual(builtIn);
  });

  it('takes another one until it is disposed of', () => {
    const registry = new StrategyRegistry();
    const added = registry.add({ ...asynchronous, name: 'mine' });
    expect(registry.get('mine').confirmations).toBe('none');
    expect(() => registry.add({ ...asynchronous, name: 'mine' })).toThrow(TypeError);
    expect(() => registry.add({ ...asynchronous, name: 'Not a name' })).toThrow(TypeError);
    for (const change of [{ resolver: 'none' }, { confirmations: 0 }, { confirmations: 1.5 }]) {
      expect(() => registry.add({ ...asynchronous, name: 'other', ...change })).toThrow(TypeError);
    }
    added[Symbol.dispose]();
    expect(() => registry.get('mine')).toThrow(
      expect.objectContaining({
        code: 'DW_REPLICATION_UNKNOWN_STRATEGY',
        details: { strategy: 'mine', known: builtIn },
      }),
    );
  });
});
