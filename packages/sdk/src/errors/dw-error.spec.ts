import { describe, expect, it } from 'vitest';
import { DwError } from './dw-error.js';

describe('DwError', () => {
  it('carries code, hint, category, details and cause', () => {
    const cause = new Error('below');
    const error = new DwError('DW_TEST_FAILED', 'It failed', {
      hint: 'Try again.',
      category: 'unavailable',
      retryable: true,
      details: { path: 'dw://a' },
      cause,
    });
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({
      name: 'DwError',
      message: 'It failed',
      code: 'DW_TEST_FAILED',
      hint: 'Try again.',
      category: 'unavailable',
      retryable: true,
      details: { path: 'dw://a' },
      cause,
    });
    expect(Object.isFrozen(error.details)).toBe(true);
    expect(error.stack).toContain('It failed');
  });

  it('is internal, final and silent unless told otherwise', () => {
    const error = new DwError('DW_TEST_FAILED', 'It failed');
    expect(error).toMatchObject({ category: 'internal', retryable: false, details: {} });
    expect(error.hint).toBeUndefined();
    expect('cause' in error).toBe(false);
  });
});

describe('DwError.is', () => {
  const error = new DwError('DW_TEST_FAILED', 'It failed');

  it('knows an error, and its code', () => {
    expect(DwError.is(error)).toBe(true);
    expect(DwError.is(error, 'DW_TEST_FAILED')).toBe(true);
    expect(DwError.is(error, 'DW_TEST_OTHER')).toBe(false);
  });

  it('knows the error of another copy of the SDK', () => {
    const foreign = Object.assign(new Error('elsewhere'), {
      code: 'DW_TEST_FAILED',
      [Symbol.for('dw.sdk.DwError')]: true,
    });
    expect(foreign).not.toBeInstanceOf(DwError);
    expect(DwError.is(foreign, 'DW_TEST_FAILED')).toBe(true);
  });

  it.each([undefined, null, 'DW_TEST_FAILED', 7, {}, new Error('x'), { code: 'DW_TEST_FAILED' }])(
    'is false of %s',
    (value) => {
      expect(DwError.is(value)).toBe(false);
    },
  );
});
