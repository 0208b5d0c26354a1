import { describe, expect, it } from 'vitest';
import { isLoopback, normalizeEndpoint } from './endpoint.js';

describe('normalizeEndpoint', () => {
  it.each([
    ['http://127.0.0.1:7080/', 'http://127.0.0.1:7080'],
    ['HTTP://Node.Example:7080', 'http://node.example:7080'],
    ['https://[::1]:7080', 'https://[::1]:7080'],
  ])('writes %s as %s', (text, endpoint) => {
    expect(normalizeEndpoint(text)).toBe(endpoint);
  });

  it.each([
    '127.0.0.1:7080',
    'ftp://host:1',
    'http://host/path',
    'http://host?x',
    'http://user:secret@host',
    'http://host:0',
    '',
  ])('refuses %j', (text) => {
    expect(() => normalizeEndpoint(text)).toThrow(
      expect.objectContaining({ code: 'DW_CLUSTER_BAD_ENDPOINT' }),
    );
  });

  it('does not repeat a password', () => {
    expect(() => normalizeEndpoint('http://user:secret@host')).toThrow(/^(?!.*secret).*$/);
  });
});

describe('isLoopback', () => {
  it.each([
    ['http://127.0.0.1:7080', true],
    ['http://localhost', true],
    ['https://[::1]:1', true],
    ['http://127.0.0.1.example:1', false],
    ['http://10.0.0.1:7080', false],
  ])('tells of %s: %s', (endpoint, expected) => {
    expect(isLoopback(endpoint)).toBe(expected);
  });
});
