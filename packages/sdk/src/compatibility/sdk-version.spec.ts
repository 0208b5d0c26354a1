import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { isSdkRange, SDK_MAJOR, SDK_VERSION, satisfiesSdk } from './sdk-version.js';

describe('SDK_VERSION', () => {
  it('is the version of the package', () => {
    const manifest: unknown = JSON.parse(
      readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
    );
    expect(manifest).toMatchObject({ version: SDK_VERSION });
    expect(SDK_MAJOR).toBe(Number(SDK_VERSION.split('.')[0]));
  });
});

describe('satisfiesSdk', () => {
  it.each([
    ['^6.0.0', '6.0.0', true],
    ['^6.0.0', '6.9.1', true],
    ['^6.0.0', '7.0.0', false],
    ['^6.1.0', '6.0.0', false],
    ['>=6 <8', '7.1.0', true],
    ['*', '6.0.0', true],
    ['^6.0.0', '6.1.0-beta.1', true],
    ['^6.0.0', '6.0.0-beta.1', false],
    ['^6.0.0', '7.0.0-beta.1', false],
    ['^6.0.0', 'six', false],
    ['^7.0.0', '6.0.0', false],
    ['not a range', '6.0.0', false],
  ])('%s and %s: %s', (range, version, expected) => {
    expect(satisfiesSdk(range, version)).toBe(expected);
  });

  it('judges this SDK unless told otherwise', () => {
    expect(satisfiesSdk(`^${SDK_VERSION}`)).toBe(true);
    expect(satisfiesSdk(`^${SDK_MAJOR + 1}.0.0`)).toBe(false);
  });
});

describe('isSdkRange', () => {
  it('tells ranges from other text', () => {
    expect(['^6.0.0', '6', '>=6.1 <7', '*', ''].map(isSdkRange)).not.toContain(false);
    expect(['six', '^^6', '6.0.0.0'].map(isSdkRange)).not.toContain(true);
  });
});
