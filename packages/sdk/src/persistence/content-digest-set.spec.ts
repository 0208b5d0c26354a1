import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { ContentDigestSet } from './content-digest-set.js';

describe('ContentDigestSet', () => {
  it('has what was added, each once, and nothing else', () => {
    const set = new ContentDigestSet();
    const digests = Array.from({ length: 5_000 }, (_, index) =>
      createHash('sha256').update(String(index)).digest('hex'),
    );
    const zero = '0'.repeat(64);
    const almostZero = `${'0'.repeat(63)}1`;
    const added = [...digests.slice(0, 2_500), zero, almostZero];
    for (const digest of added) {
      expect(set.has(digest)).toBe(false);
      expect(set.add(digest)).toBe(true);
      expect(set.add(digest)).toBe(false);
    }
    expect(added.every((digest) => set.has(digest))).toBe(true);
    expect(digests.slice(2_500).some((digest) => set.has(digest))).toBe(false);
  });
});
