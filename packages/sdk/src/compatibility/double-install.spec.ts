import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import * as first from '../index.js';

type Sdk = typeof first;

/** Loads another copy of the SDK into this process, as a second install would. */
async function loadAgain(): Promise<Sdk> {
  vi.resetModules();
  return await import('../index.js');
}

const tokensOf = (sdk: Sdk) =>
  Object.fromEntries(Object.entries(sdk).filter(([, value]) => typeof value === 'symbol'));

describe('a second copy of the SDK in one process', () => {
  let second: Sdk;

  beforeAll(async () => {
    second = await loadAgain();
  });

  it('is another copy', () => {
    expect(second.DwError).not.toBe(first.DwError);
    expect(second.BoundedCache).not.toBe(first.BoundedCache);
  });

  it('has the same tokens, with the same stamps', () => {
    expect(Object.keys(tokensOf(first)).length).toBeGreaterThan(0);
    expect(tokensOf(second)).toEqual(tokensOf(first));
    for (const token of Object.values(tokensOf(first)) as symbol[]) {
      expect(second.compatibilityOf(token)).toEqual(first.compatibilityOf(token));
      expect(second.compatibilityOf(token)).toBeDefined();
    }
  });

  it('knows the stamps of contracts that the first copy made, and the other way round', () => {
    const made = first.contract('test.install.IFirst', { introduced: '6.0.1' });
    expect(second.compatibilityOf(made)).toEqual({ introducedVersion: '6.0.1' });
    const madeThere = second.contract('test.install.ISecond', { introduced: '6.0.2' });
    expect(first.compatibilityOf(madeThere)).toEqual({ introducedVersion: '6.0.2' });
  });

  it('reads the stamps of the classes of the first', () => {
    expect(second.compatibilityOf(first.BoundedCache)).toEqual({ introducedVersion: '6.0.0' });
  });

  it('recognises the errors of the first, which are no instances of its own', () => {
    const error = first.storeError('DW_STORE_CLOSED');
    expect(error).not.toBeInstanceOf(second.DwError);
    expect(second.DwError.is(error, 'DW_STORE_CLOSED')).toBe(true);
    expect(second.DwError.is(error, 'DW_STORE_IO')).toBe(false);
  });
});

describe('another major of the SDK in one process', () => {
  let next: Sdk;

  beforeAll(async () => {
    vi.doMock('./sdk-version.js', async (original) => ({
      ...(await original<Sdk>()),
      SDK_MAJOR: first.SDK_MAJOR + 1,
    }));
    next = await loadAgain();
  });

  afterAll(() => {
    vi.doUnmock('./sdk-version.js');
    vi.resetModules();
  });

  it('has other tokens under the same names', () => {
    const theirs = tokensOf(next);
    for (const [name, token] of Object.entries(tokensOf(first)) as [string, symbol][]) {
      expect(theirs[name]).not.toBe(token);
      expect(next.contractName(theirs[name] as symbol)).toBe(first.contractName(token));
    }
  });
});
