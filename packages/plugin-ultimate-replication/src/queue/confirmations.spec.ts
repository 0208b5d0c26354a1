import { describe, expect, it } from 'vitest';
import { Confirmations } from './confirmations.js';

const { signal } = new AbortController();

describe('Confirmations', () => {
  it('waits for each replica, and counts one that was faster', async () => {
    using confirmations = new Confirmations();
    const outcome = confirmations.wait(5, ['b', 'c'], ['a'], signal);
    confirmations.confirm('b', 4);
    confirmations.confirm('b', 5);
    confirmations.confirm('c', 9);
    expect(await outcome).toEqual({
      confirmedBy: ['a', 'b', 'c'],
      refusedBy: [],
      inactive: [],
      silent: [],
    });
  });

  it('tells apart who refused, dropped out, and kept silent', async () => {
    using confirmations = new Confirmations();
    const limit = new AbortController();
    const outcome = confirmations.wait(5, ['a', 'b', 'c'], [], limit.signal);
    confirmations.confirm('a', 5, [{ sequence: 5, code: 'DW_X' }]);
    confirmations.drop('b');
    limit.abort();
    expect(await outcome).toEqual({
      confirmedBy: [],
      refusedBy: [{ nodeId: 'a', code: 'DW_X' }],
      inactive: ['b'],
      silent: ['c'],
    });
  });

  it('ends every wait when it is closed, and begins none', async () => {
    const confirmations = new Confirmations();
    const waiting = confirmations.wait(1, ['a'], [], signal);
    confirmations[Symbol.dispose]();
    const closed = expect.objectContaining({ code: 'DW_REPLICATION_CLOSED' });
    await expect(waiting).rejects.toEqual(closed);
    await expect(confirmations.wait(1, ['a'], [], signal)).rejects.toEqual(closed);
  });
});
