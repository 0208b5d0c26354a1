import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isObjectName } from '../objects/object-name.js';
import type { ObjectRecord } from '../objects/object-record.js';
import { versionSchema } from '../objects/object-version.js';
import { covers, vectorOf } from '../objects/version-vector.js';
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
  context: fc.array(version).map(vectorOf),
  floor: fc.option(version, { nil: undefined }),
  payload: fc.constantFrom(undefined, { digest: `sha256:${'0f'.repeat(32)}`, sizeBytes: 7 }),
  contentType: fc.constantFrom(undefined, 'text/plain'),
  updatedAtMs: fc.nat(),
  strategy: fc.constant('asynchronous'),
});

const versionSchemaParse = (text: string) => versionSchema.parse(text);

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
    ['another version of the format', { ...sound, v: 3 }],
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

  it('reads the first form of events: the latest wins, and its writer had seen what it replaced', () => {
    const data = Buffer.from(JSON.stringify({ ...sound, version: '5.0@a', basedOn: '3.1@b' }));
    const { version: own, context, floor } = decodeEvent(data);
    expect(floor).toEqual(own);
    const seen = ['4.9@a', '3.1@b', '2.0@b'].map(versionSchemaParse);
    expect(seen.map((one) => covers(context, one))).toEqual([true, true, true]);
    const unseen = ['5.0@a', '3.2@b', '0.0@c'].map(versionSchemaParse);
    expect(unseen.map((one) => covers(context, one))).toEqual([false, false, false]);
  });

  it('reads a sound event, and passes over fields that it does not know', () => {
    const data = Buffer.from(JSON.stringify({ ...sound, later: 1 }));
    expect(decodeEvent(data)).toMatchObject({ namespace: 'n', key: 'k', payload: undefined });
  });
});
