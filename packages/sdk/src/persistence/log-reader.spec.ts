import { beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../testing/manual-clock.js';
import { MemoryBackingStore } from '../testing/memory-backing-store.js';
import type {
  BackingStoreEntry,
  BackingStoreListOptions,
  IPersistentBackingStore,
} from './persistent-backing-store.js';
import { storePath } from './store-path.js';
import { WriteAheadLog } from './write-ahead-log.js';

const paths = { path: storePath('test', 'wal'), offsetsPath: storePath('test', 'offsets') };
const frameCount = 2_000;

let store: MemoryBackingStore;
/** Values that the store was asked for. */
let lookedAt: number;

function counting(inner: IPersistentBackingStore): IPersistentBackingStore {
  async function* scan(
    prefix: string,
    options?: BackingStoreListOptions,
  ): AsyncGenerator<BackingStoreEntry> {
    for await (const entry of inner.scan(prefix, options)) {
      lookedAt += 1;
      yield entry;
    }
  }
  return new Proxy(inner, {
    get: (target, name) => {
      if (name === 'scan') return scan;
      const member: unknown = Reflect.get(target, name, target);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
}

async function open(): Promise<WriteAheadLog> {
  const log = await WriteAheadLog.open({
    ...{ ...paths, store: counting(store), clock: new ManualClock() },
  });
  await log.registerConsumer('reader');
  return log;
}

beforeEach(async () => {
  store = new MemoryBackingStore();
  lookedAt = 0;
  const log = await open();
  for (let frame = 0; frame < frameCount; frame += 1) {
    await Promise.all([log.append(Buffer.from('a')), log.append(Buffer.from('b'))]);
  }
  await log.close();
});

describe('LogReader', () => {
  it('costs what it returns, however much is held', async () => {
    const log = await open();
    const costOf = async (from: number, limitEntries: number): Promise<number> => {
      lookedAt = 0;
      expect(await log.read(from, { limitEntries })).toHaveLength(limitEntries);
      return lookedAt;
    };
    // The frame, the one before it to see that it continues that, and one for each two entries.
    expect(await costOf(1_001, 1)).toBeLessThanOrEqual(2);
    expect(await costOf(2_001, 20)).toBeLessThanOrEqual(11);
    expect(await costOf(3_001, 200)).toBeLessThanOrEqual(102);
    // What was read last is still at hand.
    expect(await costOf(3_199, 2)).toBe(0);
  });

  it('reads what was appended last from memory', async () => {
    const log = await open();
    await log.append(Buffer.from('c'));
    await log.append(Buffer.from('d'));
    await log.read(log.headSequence - 1);
    lookedAt = 0;
    await log.append(Buffer.from('e'));
    expect(await log.read(log.headSequence)).toHaveLength(1);
    expect(lookedAt).toBe(0);
  });
});
