import { ManualClock } from '@datawarehouse/sdk/testing';
import { describe, expect, it } from 'vitest';
import { HybridClock } from './hybrid-clock.js';
import { compareVersions, formatVersion, parseVersion } from './object-version.js';

const startMs = 1_000_000;

function clocks(last?: ConstructorParameters<typeof HybridClock>[0]['last']) {
  const clock = new ManualClock({ startMs });
  return { clock, versions: new HybridClock({ nodeId: 'a', clock, maxDriftMs: 1_000, last }) };
}

describe('HybridClock', () => {
  it('issues ever greater versions, though time stands still', () => {
    const { clock, versions } = clocks();
    const first = versions.next();
    const second = versions.next();
    clock.advance(5);
    const third = versions.next();
    expect(first).toEqual({ physicalMs: startMs, logical: 0, nodeId: 'a' });
    expect(second).toEqual({ physicalMs: startMs, logical: 1, nodeId: 'a' });
    expect(third).toEqual({ physicalMs: startMs + 5, logical: 0, nodeId: 'a' });
  });

  it('goes on from what it issued before a restart, though time went back', () => {
    const last = { physicalMs: startMs + 500, logical: 7, nodeId: 'a' };
    expect(clocks(last).versions.next()).toEqual({ ...last, logical: 8 });
  });

  it('issues a version greater than the one that it replaces, and than those observed', () => {
    const { versions } = clocks();
    const seen = { physicalMs: startMs + 300, logical: 2, nodeId: 'z' };
    versions.observe(seen);
    expect(compareVersions(versions.next(), seen)).toBeGreaterThan(0);
    const replaced = { physicalMs: startMs + 900, logical: 0, nodeId: 'z' };
    expect(compareVersions(versions.next(replaced), replaced)).toBeGreaterThan(0);
  });

  it('goes on behind the greatest version that can be written', () => {
    const { versions } = clocks();
    const last = { physicalMs: startMs + 300, logical: Number.MAX_SAFE_INTEGER, nodeId: 'z' };
    versions.observe(last);
    expect(parseVersion(formatVersion(versions.next()))).toEqual({
      physicalMs: startMs + 301,
      logical: 0,
      nodeId: 'a',
    });
  });

  it('refuses a version too far in the future, and is not dragged along', () => {
    const { clock, versions } = clocks();
    const future = { physicalMs: startMs + 1_001, logical: 0, nodeId: 'z' };
    expect(() => versions.observe(future)).toThrow(
      expect.objectContaining({ code: 'DW_REPLICATION_CLOCK_DRIFT' }),
    );
    expect(versions.next().physicalMs).toBe(startMs);
    clock.advance(1);
    expect(() => versions.observe(future)).not.toThrow();
  });
});
