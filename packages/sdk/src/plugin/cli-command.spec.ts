import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { apiPath } from './cli-command.js';

const segment = fc
  .string({ unit: 'binary', minLength: 1, maxLength: 30 })
  .filter((text) => text.isWellFormed() && text !== '.' && text !== '..');

describe('apiPath', () => {
  it.each([
    [['api', 'v1', 'status'], '/api/v1/status'],
    [['a/b', 'ä ö', '%2F', '?#'], '/a%2Fb/%C3%A4%20%C3%B6/%252F/%3F%23'],
    [['...', '.hidden', 'a..b'], '/.../.hidden/a..b'],
    [[], '/'],
  ])('writes %j as %s', (segments, path) => {
    expect(apiPath(...segments)).toBe(path);
  });

  it('keeps any segments apart on their way through a URL', () => {
    fc.assert(
      fc.property(fc.array(segment, { minLength: 1, maxLength: 5 }), (segments) => {
        const { pathname, search, hash } = new URL(apiPath(...segments), 'http://127.0.0.1:7080');
        expect(pathname.slice(1).split('/').map(decodeURIComponent)).toEqual(segments);
        expect([search, hash]).toEqual(['', '']);
      }),
    );
  });

  it.each(['.', '..'])('refuses %j, which a client would take for a step in the path', (name) => {
    expect(() => apiPath('api', 'v1', 'objects', name)).toThrow(TypeError);
  });
});
