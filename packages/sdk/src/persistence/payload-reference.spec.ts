import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  assertPayloadReference,
  CONTENT_CHUNK_BYTES,
  contentChunkCount,
  payloadReferenceOf,
} from './payload-reference.js';

const sha256 = (data: Uint8Array): string => createHash('sha256').update(data).digest('hex');
const one = sha256(Buffer.from('one'));
const two = sha256(Buffer.from('two'));

describe('payloadReferenceOf', () => {
  it('names content of one chunk by the digest of its bytes', () => {
    expect(payloadReferenceOf([one], 3)).toEqual({ digest: `sha256:${one}`, sizeBytes: 3 });
  });

  it('names empty content by the digest of nothing', () => {
    const digest = `sha256:${sha256(new Uint8Array())}`;
    expect(payloadReferenceOf([], 0)).toEqual({ digest, sizeBytes: 0 });
  });

  it('names longer content by the digest of its chunk digests', () => {
    const root = sha256(Buffer.from(one + two, 'hex'));
    expect(payloadReferenceOf([one, two], 65_537)).toEqual({
      digest: `sha256-chunks:${root}`,
      sizeBytes: 65_537,
    });
  });

  it('makes references that pass the check', () => {
    assertPayloadReference(payloadReferenceOf([], 0));
    assertPayloadReference(payloadReferenceOf([one], CONTENT_CHUNK_BYTES));
    assertPayloadReference(payloadReferenceOf([one, two], CONTENT_CHUNK_BYTES * 2));
  });

  it('refuses digests that do not fit the size, or are none', () => {
    const bad: [string[], number][] = [
      [[one], 0],
      [[], 1],
      [[one], 65_537],
      [[one, two], 65_536],
      [[one.toUpperCase()], 3],
      [['..'], 3],
      [[one], -1],
      [[one], 1.5],
    ];
    for (const [digests, sizeBytes] of bad) {
      expect(() => payloadReferenceOf(digests, sizeBytes)).toThrow(
        expect.objectContaining({ code: 'DW_CONTENT_BAD_REFERENCE' }),
      );
    }
  });
});

describe('assertPayloadReference', () => {
  it('refuses what a content store never makes', () => {
    const bad = [
      { digest: `sha256:${one}`, sizeBytes: 65_537 },
      { digest: `sha256-chunks:${one}`, sizeBytes: 65_536 },
      { digest: `sha256:${one.toUpperCase()}`, sizeBytes: 1 },
      { digest: `sha256:${one}/..`, sizeBytes: 1 },
      { digest: `md5:${one}`, sizeBytes: 1 },
      { digest: `sha256:${one}`, sizeBytes: -1 },
      { digest: `sha256:${one}`, sizeBytes: Number.NaN },
    ];
    for (const reference of bad) {
      expect(() => assertPayloadReference(reference)).toThrow('malformed');
    }
  });
});

describe('contentChunkCount', () => {
  it('counts the last, shorter chunk', () => {
    expect([0, 1, 65_536, 65_537, 131_072].map(contentChunkCount)).toEqual([0, 1, 1, 2, 2]);
  });
});
