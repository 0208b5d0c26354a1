import { describe, expect, it } from 'vitest';
import * as sdk from '../index.js';
import { type ErrorTable, errorBuilder } from './define-errors.js';
import { DwError } from './dw-error.js';

const table = {
  DW_TEST_FULL: {
    message: 'It is full',
    hint: 'Make room.',
    category: 'exhausted',
    retryable: true,
  },
  DW_TEST_BROKEN: { message: 'It is broken', hint: 'Mend it.', category: 'corrupt' },
} as const satisfies ErrorTable;

const testError = errorBuilder(table);

describe('errorBuilder', () => {
  it('builds an error from its row', () => {
    const error = testError('DW_TEST_FULL');
    expect(DwError.is(error, 'DW_TEST_FULL')).toBe(true);
    expect(error).toMatchObject({
      message: 'It is full',
      hint: 'Make room.',
      category: 'exhausted',
      retryable: true,
    });
    expect(testError('DW_TEST_BROKEN').retryable).toBe(false);
  });

  it('lets an occurrence say more, but not change the category', () => {
    const cause = new Error('below');
    const occurrence = {
      message: 'The box is full',
      hint: 'Empty the box.',
      retryable: false,
      details: { box: 7 },
      cause,
      category: 'internal',
    } as const;
    expect(testError('DW_TEST_FULL', occurrence)).toMatchObject({
      message: 'The box is full',
      hint: 'Empty the box.',
      category: 'exhausted',
      retryable: false,
      details: { box: 7 },
      cause,
    });
  });
});

describe('the error tables of the SDK', () => {
  const tables = Object.entries(sdk).filter(([name]) => name.endsWith('Errors')) as [
    string,
    ErrorTable,
  ][];

  it('have well-formed codes, one sentence each, and a hint', () => {
    expect(tables.length).toBeGreaterThan(6);
    for (const [, rows] of tables) {
      for (const [code, { message, hint }] of Object.entries(rows)) {
        expect(code).toMatch(/^DW_[A-Z]+(_[A-Z]+)+$/);
        expect(message).toMatch(/^[A-Z].*[^.]$/);
        expect(hint).toMatch(/^[A-Z].*\.$/);
      }
    }
  });

  it('share no code', () => {
    const codes = tables.flatMap(([, rows]) => Object.keys(rows));
    expect(new Set(codes).size).toBe(codes.length);
  });
});
