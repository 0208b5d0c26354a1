import assert from 'node:assert/strict';
import { MAX_STORE_PATH_BYTES } from '../persistence/store-path.js';
import { assertAbsent, assertBytes, bytesOf, callsOf, type StoreClauses } from './store-clause.js';

const path = 'dw://test/a';

const malformed = [
  '',
  'test/a',
  '/etc/passwd',
  'file:///etc/passwd',
  'dw:/a',
  'DW://a',
  'dw://\ud800',
  `dw://${'x'.repeat(MAX_STORE_PATH_BYTES)}`,
  `dw://${'\u{1f600}'.repeat(MAX_STORE_PATH_BYTES / 4)}`,
];

/** What a store must refuse, and how calls are cancelled. */
export const refusalClauses: StoreClauses = {
  'every method refuses a malformed path': async (store) => {
    for (const [name, call] of Object.entries(callsOf(store))) {
      for (const wrong of malformed) {
        const message = `${name}() accepts ${JSON.stringify(wrong.slice(0, 30))}`;
        await assert.rejects(call(wrong), { code: 'DW_STORE_INVALID_PATH' }, message);
      }
    }
  },

  'an aborted signal rejects every method with its reason': async (store) => {
    await store.write(path, bytesOf(1));
    const reason = new Error('enough');
    for (const [name, call] of Object.entries(callsOf(store))) {
      const failure = await call(path, AbortSignal.abort(reason)).catch((error: unknown) => error);
      assert.equal(failure, reason, `${name}() does not reject with the reason`);
    }
  },

  'a call that was aborted before it began changes nothing': async (store) => {
    await store.write(path, bytesOf(1));
    const signal = AbortSignal.abort(new Error('enough'));
    await Promise.allSettled(Object.values(callsOf(store)).map((call) => call(path, signal)));
    await Promise.allSettled([
      store.write('dw://test/b', bytesOf(2), { signal }),
      store.batch([{ type: 'write', path: 'dw://test/c', data: bytesOf(3) }], { signal }),
    ]);
    assertBytes(await store.read(path), bytesOf(1));
    await assertAbsent(store, 'dw://test/b');
    await assertAbsent(store, 'dw://test/c');
  },

  'a call that is aborted while it runs ends whole, or changes nothing': async (store) => {
    const aborting = new AbortController();
    const { signal } = aborting;
    const reason = new Error('enough');
    const paths = Array.from({ length: 8 }, (_, index) => `dw://test/${index}`);
    const calls = paths.map((each) => store.write(each, bytesOf(1), { signal }));
    aborting.abort(reason);
    const results = await Promise.allSettled(calls);
    // Comes behind whatever a refused call may still do.
    await store.write('dw://test/last', bytesOf(1));
    for (const [index, result] of results.entries()) {
      const each = paths[index] ?? '';
      if (result.status === 'fulfilled') {
        assertBytes(await store.read(each), bytesOf(1));
      } else {
        assert.equal(result.reason, reason);
        await assertAbsent(store, each);
      }
    }
  },

  'an iteration ends when it is aborted': async (store) => {
    for (const each of ['dw://a', 'dw://b', 'dw://c']) await store.write(each, bytesOf(1));
    const reason = new Error('enough');
    for (const method of ['list', 'scan'] as const) {
      const aborting = new AbortController();
      const iterable = store[method]('dw://', { signal: aborting.signal });
      const iterator = iterable[Symbol.asyncIterator]();
      assert.equal((await iterator.next()).done, false);
      aborting.abort(reason);
      const failure = await iterator.next().catch((error: unknown) => error);
      assert.equal(failure, reason, `${method}() does not reject with the reason`);
    }
  },
};

/** How a store ends. */
export const closingClauses: StoreClauses = {
  'close() waits for calls in flight': async (store) => {
    await store.write(path, bytesOf(1));
    const entries = Object.entries(callsOf(store)).filter(([name]) => !/list|scan/.test(name));
    const pending = new Set(entries.map(([name]) => name));
    const calls = entries.map(async ([name, call], index) => {
      await call(`dw://test/${index}`);
      pending.delete(name);
    });
    const settled = Promise.allSettled(calls);
    await store.close();
    // Their promises settle with the store's own, within the same turn of the event loop.
    await new Promise(setImmediate);
    assert.deepEqual([...pending], [], 'close() did not wait for calls, or refused them');
    await settled;
  },

  'every method rejects after close()': async (store) => {
    await store.write(path, bytesOf(1));
    await store.close();
    for (const [name, call] of Object.entries(callsOf(store))) {
      await assert.rejects(call(path), { code: 'DW_STORE_CLOSED' }, `${name}() is not closed`);
    }
    await assert.rejects(store.batch([]), { code: 'DW_STORE_CLOSED' }, 'batch([]) is not closed');
  },

  'an iteration that was begun before close() rejects after it': async (store) => {
    for (const each of ['dw://a', 'dw://b', 'dw://c']) await store.write(each, bytesOf(1));
    const iterations = [store.list('dw://'), store.scan('dw://')].map((iterable) =>
      iterable[Symbol.asyncIterator](),
    );
    for (const iteration of iterations) assert.equal((await iteration.next()).done, false);
    await store.close();
    for (const iteration of iterations) {
      await assert.rejects(iteration.next(), { code: 'DW_STORE_CLOSED' });
    }
  },

  'close() may be called twice, also at the same time': async (store) => {
    await Promise.all([store.close(), store.close()]);
    await store.close();
  },

  'Symbol.asyncDispose closes': async (store) => {
    await store[Symbol.asyncDispose]();
    await assert.rejects(store.read(path), { code: 'DW_STORE_CLOSED' });
  },
};
