import { describe, expect, it } from 'vitest';
import { assertSafeFileName, fileNameProblem } from './safe-file-name.js';

describe('assertSafeFileName', () => {
  it.each([
    'a',
    'app-2.1.tar.gz',
    'Übersicht 2025 (final).pdf',
    '日本語.txt',
    'console',
    'com10',
    'a..b',
  ])('takes %j', (name) => {
    expect(fileNameProblem(name)).toBeUndefined();
  });

  it.each([
    '',
    '.',
    '..',
    '.hidden',
    'a/b',
    '/etc/passwd',
    '..\\x',
    'C:x',
    'a:stream',
    'a\0',
    'a\nb',
    'a\u202egpj.exe',
    'a\u2028b',
    'name.',
    'name ',
    ' name',
    'CON',
    'aux.txt',
    'Lpt9',
    'com¹',
    '\ud800',
    'é'.repeat(128),
  ])('refuses %j', (name) => {
    expect(() => {
      assertSafeFileName(name);
    }).toThrow(expect.objectContaining({ code: 'DW_AEDS_FILE_NAME_UNSAFE' }));
  });

  it('counts bytes, not characters', () => {
    expect(fileNameProblem('é'.repeat(127))).toBeUndefined();
  });
});
