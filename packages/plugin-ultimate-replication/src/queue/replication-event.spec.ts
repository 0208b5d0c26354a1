import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isObjectName } from '../objects/object-name.js';
import type { ObjectRecord } from '../objects/object-record.js';
import { decodeEvent, encodeEvent } from './replication-event.js';

const name = fc.string({ unit: 'binary', minLength: 1 }).filter(isObjectName);
const version = fc.record({
  physicalMs: fc.nat(),
  logical: fc.nat(),
  nodeId: fc.constantFrom('a', 'b.c'),
});
const record: fc.Arbitrary<ObjectRecord> = fc.record({
  namespace: name,
  key: name,
  version,
  basedOn: fc.option(version, { nil: undefined }),
  payload: fc.constantFrom(undefined, { digest: `sha256:${'0f'.repeat(32)}`, sizeBytes: 7 }),
  contentType: fc.constantFrom(undefined, 'text/plain'),
  updatedAtMs: fc.nat(),
  strategy: fc.constant('asynchronous'),
});

const sound = {
  v: 1,
  operation: 'delete',
  namespace: 'n',
  key: 'k',
  version: '1.0@a',
  timestampMs: 1,
  strategy: 'asynchronous',
};

describe('decodeEvent', () => {
  it('reads what encodeEvent wrote', () => {
    fc.assert(
      fc.property(record, (original) => {
        expect(decodeEvent(encodeEvent(original))).toEqual(original);
      }),
    );
  });

  it.each([
    ['no JSON', Buffer.from('{')],
    ['no UTF-8', Uint8Array.of(0x22, 0xff, 0x22)],
    ['another version of the format', { ...sound, v: 2 }],
    ['an unknown operation', { ...sound, operation: 'merge' }],
    ['a lone surrogate', { ...sound, key: '\ud800' }],
    ['an empty name', { ...sound, namespace: '' }],
    ['a malformed version', { ...sound, version: '1@a' }],
    ['a deletion with content', { ...sound, payload: { digest: 'sha256:00', sizeBytes: 1 } }],
    ['a write without content', { ...sound, operation: 'put' }],
  ])('refuses %s', (_, event) => {
    const data = event instanceof Uint8Array ? event : Buffer.from(JSON.stringify(event));
    expect(() => decodeEvent(data)).toThrow(
      expect.objectContaining({ code: 'DW_REPLICATION_INVALID_EVENT' }),
    );
  });

  it('reads a sound event, and passes over fields that it does not know', () => {
    const data = Buffer.from(JSON.stringify({ ...sound, later: 1 }));
    expect(decodeEvent(data)).toMatchObject({ namespace: 'n', key: 'k', payload: undefined });
  });
});
