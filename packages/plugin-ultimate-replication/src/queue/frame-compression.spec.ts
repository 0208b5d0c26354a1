import { randomBytes } from 'node:crypto';
import { deflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { FrameCompressor, MAX_PACKED_BYTES, unpackFrame } from './frame-compression.js';
import { decodePeerFrame, encodePeerFrame } from './peer-frame.js';

const text = Buffer.from('{"namespace":"docs","key":"report"}'.repeat(200));

function packed(sizeBytes: unknown, ...attachments: readonly Uint8Array[]): Uint8Array {
  return encodePeerFrame({ encoding: 'deflate-raw', sizeBytes }, attachments);
}

describe('FrameCompressor', () => {
  it('packs a message so that it comes back as it was', async () => {
    const frame = encodePeerFrame({ v: 1 }, [text, Buffer.alloc(0), text]);
    const sent = await new FrameCompressor().pack(frame);
    expect(sent.byteLength).toBeLessThan(frame.byteLength / 5);
    const { header, attachments } = decodePeerFrame(await unpackFrame(sent), z.unknown());
    expect(header).toEqual({ v: 1 });
    expect(attachments.map((part) => Buffer.from(part))).toEqual([text, Buffer.alloc(0), text]);
  });

  it('leaves alone what is small, what is vast, and what does not shrink', async () => {
    const compressor = new FrameCompressor();
    const small = encodePeerFrame({}, [Buffer.alloc(500)]);
    const vast = encodePeerFrame({}, [Buffer.alloc(MAX_PACKED_BYTES)]);
    const dense = encodePeerFrame({}, [randomBytes(10_000)]);
    for (const frame of [small, vast, dense]) expect(await compressor.pack(frame)).toBe(frame);
  });

  it('stops to try for a while where it does not pay, and tries again later', async () => {
    const compressor = new FrameCompressor();
    const dense = encodePeerFrame({}, [randomBytes(2_000)]);
    const loose = encodePeerFrame({}, [text]);
    const isPacked = async (frame: Uint8Array) => (await compressor.pack(frame)) !== frame;
    expect(await isPacked(dense)).toBe(false);
    expect(await isPacked(loose)).toBe(false);
    expect(await isPacked(loose)).toBe(true);
    for (let attempt = 0; attempt < 200; attempt += 1) await compressor.pack(dense);
    let passedCount = 0;
    while (!(await isPacked(loose))) passedCount += 1;
    expect(passedCount).toBeLessThanOrEqual(64);
  });
});

describe('unpackFrame', () => {
  const bomb = deflateRawSync(Buffer.alloc(1_000_000));
  const inner = encodePeerFrame({ encoding: 'deflate-raw', sizeBytes: 1 }, [Buffer.alloc(1)]);

  it.each([
    ['more than it announced', packed(1_000, bomb)],
    ['less than it announced', packed(1_000_001, bomb)],
    ['more than is ever taken', packed(MAX_PACKED_BYTES + 1, bomb)],
    ['no size', packed(undefined, bomb)],
    ['no bytes', packed(100)],
    ['bytes that are not packed', packed(100, Buffer.from('nonsense'))],
    ['a message cut short', packed(1_000_000, bomb.subarray(0, -5))],
    ['two attachments', packed(1_000_000, bomb, bomb)],
    ['a packed message', packed(inner.byteLength, deflateRawSync(inner))],
  ])('refuses a message that holds %s', async (_, message) => {
    await expect(unpackFrame(message)).rejects.toMatchObject({
      code: 'DW_REPLICATION_INVALID_MESSAGE',
    });
  });

  it('returns what is not packed as it is', async () => {
    const frame = encodePeerFrame({ encoding: 'none' });
    expect(await unpackFrame(frame)).toBe(frame);
    expect(await unpackFrame(Buffer.alloc(0))).toHaveLength(0);
  });
});
