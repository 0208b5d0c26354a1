import { describe, expect, it } from 'vitest';
import { parseEndpoint } from './parse-endpoint.js';

describe('parseEndpoint', () => {
  it.each([
    ['http://127.0.0.1:7080', 'http://127.0.0.1:7080'],
    ['HTTP://Example.org/', 'http://example.org'],
    ['https://[::1]:443', 'https://[::1]'],
  ])('takes %s', (text, endpoint) => {
    expect(parseEndpoint(text)).toBe(endpoint);
  });

  it.each([
    '',
    'localhost:7080',
    '127.0.0.1',
    'ftp://x',
    'http://x/api',
    'http://x?y',
    'http://a:b@x',
  ])('refuses "%s"', (text) => {
    expect(parseEndpoint(text)).toBeUndefined();
  });
});
