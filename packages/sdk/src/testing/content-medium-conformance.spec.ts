import { describe, expect, it } from 'vitest';
import type { ContentMedium } from '../persistence/content-medium.js';
import { contentMediumConformance } from './content-medium-conformance.js';
import { runSuite } from './failing-clauses.js';
import { MemoryContentMedium } from './memory-content-medium.js';

type Changes = Partial<ContentMedium>;

/** A medium that works, but for what `change` puts in its place. */
function broken(change: (real: MemoryContentMedium) => Changes): ContentMedium {
  const real = new MemoryContentMedium();
  const changes = change(real);
  return new Proxy<ContentMedium>(real, {
    get: (_, key) => {
      const owner = key in changes ? changes : real;
      const value: unknown = Reflect.get(owner, key);
      return typeof value === 'function' ? value.bind(owner) : value;
    },
  });
}

const doubles: Record<string, (real: MemoryContentMedium) => Changes> = {
  'shows chunks only once they are synced': (real) => {
    let isSynced = false;
    return {
      sync: async () => {
        isSynced = true;
      },
      read: async (location) => (isSynced ? real.read(location) : undefined),
    };
  },
  'keeps the caller’s bytes': (real) => {
    const kept = new Map<string, Uint8Array>();
    return {
      append: async (chunks) => {
        const locations = await real.append(chunks);
        for (const [index, { data }] of chunks.entries()) {
          kept.set(JSON.stringify(locations[index]), data);
        }
        return locations;
      },
      read: async (location) => kept.get(JSON.stringify(location)) ?? real.read(location),
    };
  },
  'uses names that no path can hold': (real) => ({
    append: async (chunks) =>
      (await real.append(chunks)).map((location) => ({ ...location, segment: 'a/b' })),
  }),
  'overwrites what was there': (real) => {
    const first = real.append.bind(real);
    return {
      append: async (chunks) => (await first(chunks)).map((one) => ({ ...one, offset: 0 })),
    };
  },
  'has no active segment': () => ({ activeSegment: undefined }),
  'keeps removed segments': () => ({ remove: async () => undefined }),
  'reads what there is of too much': (real) => ({
    read: async (location) => (await real.read(location)) ?? new Uint8Array(1),
  }),
  'goes on after close()': () => ({ close: async () => undefined }),
  'claims durability that it has not': () => ({ capabilities: { durability: 'disk' } }),
};

describe('contentMediumConformance', () => {
  contentMediumConformance({ test: it, open: async () => new MemoryContentMedium() });

  it('has a clause that each broken medium fails, and no clause that none fails', async () => {
    const unfailed = new Set<string>();
    const failed = new Set<string>();
    for (const [name, change] of Object.entries(doubles)) {
      const run = await runSuite((test) => {
        const open = async (): Promise<ContentMedium> => broken(change);
        contentMediumConformance({ test, open, reopen: open, timeLimitMs: 1_000 });
      });
      expect(run.failed, name).not.toEqual([]);
      for (const clause of run.clauses) unfailed.add(clause);
      for (const clause of run.failed) failed.add(clause);
    }
    expect([...unfailed].filter((clause) => !failed.has(clause))).toEqual([]);
  });
});
