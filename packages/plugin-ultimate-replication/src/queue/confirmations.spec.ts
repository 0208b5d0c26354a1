import { describe, expect, it } from 'vitest';
import { Confirmations } from './confirmations.js';

const { signal } = new AbortController();

describe('Confirmations', () => {
  it('waits for each replica, and counts one that was faster', async () => {
    using confirmations = new Confirmations();
    const outcome = confirmations.wait({
      sequence: 5,
      waitFor: ['b', 'c'],
      confirmedBy: ['a'],
      signal,
    });
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
    const outcome = confirmations.wait({
      sequence: 5,
      waitFor: ['a', 'b', 'c'],
      confirmedBy: [],
      signal: limit.signal,
    });
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

  it('waits for as many as are needed, and not where so many cannot confirm', async () => {
    using confirmations = new Confirmations();
    const wait = { sequence: 5, waitFor: ['b', 'c', 'd'], confirmedBy: ['a'], signal };
    const enough = confirmations.wait({ ...wait, neededCount: 2 });
    const all = confirmations.wait({ ...wait, neededCount: 4 });
    expect((await confirmations.wait({ ...wait, neededCount: 5 })).silent).toEqual(['b', 'c', 'd']);
    confirmations.confirm('c', 5);
    expect((await enough).confirmedBy).toEqual(['a', 'c']);
    confirmations.drop('d');
    expect(await all).toMatchObject({ confirmedBy: ['a', 'c'], inactive: ['d'], silent: ['b'] });
  });

  it('ends every wait when it is closed, and begins none', async () => {
    const confirmations = new Confirmations();
    const waiting = confirmations.wait({ sequence: 1, waitFor: ['a'], confirmedBy: [], signal });
    confirmations[Symbol.dispose]();
    const closed = expect.objectContaining({ code: 'DW_REPLICATION_CLOSED' });
    await expect(waiting).rejects.toEqual(closed);
    await expect(
      confirmations.wait({ sequence: 1, waitFor: ['a'], confirmedBy: [], signal }),
    ).rejects.toEqual(closed);
  });
});
