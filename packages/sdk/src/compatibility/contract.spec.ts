import { describe, expect, it } from 'vitest';
import * as sdk from '../index.js';
import { compatibilityOf } from './compatibility-stamp.js';
import { contract, contractName } from './contract.js';
import { SDK_MAJOR } from './sdk-version.js';

describe('contract', () => {
  it('finds the same token again, as a second copy of the SDK would', () => {
    const first = contract('test.contract.IThing', { introduced: '6.0.0' });
    expect(contract('test.contract.IThing', { introduced: '6.0.0' })).toBe(first);
    expect(Symbol.for(`test.contract.IThing@${SDK_MAJOR}`)).toBe(first);
    expect(contract('test.contract.IOther', { introduced: '6.0.0' })).not.toBe(first);
  });

  it('carries a stamp that can be read back', () => {
    const token = contract('test.contract.IStamped', {
      introduced: '6.1.0',
      deprecatedVersion: '6.2.0',
    });
    expect(compatibilityOf(token)).toEqual({
      introducedVersion: '6.1.0',
      deprecatedVersion: '6.2.0',
    });
    expect(compatibilityOf(Symbol('unstamped'))).toBeUndefined();
  });

  it('tells its name without the major', () => {
    const token = contract('test.contract.INamed', { introduced: '6.0.0' });
    expect(contractName(token)).toBe('test.contract.INamed');
    expect(contractName(Symbol('local'))).toBe('local');
    expect(contractName(Symbol())).toBe('unnamed contract');
  });

  it.each(['IThing', 'a..b', '.a.b', 'a.b@6', 'a b.c', ''])('refuses the name %j', (name) => {
    expect(() => contract(name, { introduced: '6.0.0' })).toThrow(TypeError);
  });

  it('refuses a malformed version', () => {
    expect(() => contract('test.contract.IBad', { introduced: '6' })).toThrow(TypeError);
  });
});

describe('the exports of the SDK', () => {
  const exported: [string, unknown][] = Object.entries(sdk);

  it('carry a stamp: every contract and every class', () => {
    const unstamped = exported.filter(([, value]) => {
      const isClass = typeof value === 'function' && /^class\b/.test(String(value));
      return (isClass || typeof value === 'symbol') && !compatibilityOf(value);
    });
    expect(unstamped.map(([name]) => name)).toEqual([]);
  });

  it('have a token for each contract, of the same name', () => {
    for (const [name, value] of exported) {
      if (typeof value === 'symbol') expect(contractName(value)).toBe(`dw.sdk.${name}`);
    }
    expect(exported.filter(([, value]) => typeof value === 'symbol').length).toBeGreaterThan(7);
  });
});
