import { promisify } from 'node:util';
import { deflateRaw, inflateRaw } from 'node:zlib';
import { z } from 'zod';
import { decodePeerFrame, encodePeerFrame, malformedFrame } from './peer-frame.js';

const deflate = promisify(deflateRaw);
const inflate = promisify(inflateRaw);

/** Most bytes that a packed message may have unpacked; larger ones travel as they are. */
export const MAX_PACKED_BYTES = 8_388_608;

const minBytes = 1_024;
/** What packing has to leave at most, as a share, to be worth the work of both sides. */
const worthRatio = 0.9;
/** Most messages that pass unpacked after one that was not worth it. */
const maxSkips = 64;

/** Head of a packed message; its one attachment is the message, deflated. */
const packedSchema = z.strictObject({
  encoding: z.literal('deflate-raw'),
  sizeBytes: z.int().min(1).max(MAX_PACKED_BYTES),
});

/** Packs the messages to one node, for as long as it is worth it. */
export class FrameCompressor {
  /** Messages to pass unpacked, and how many it will be after the next in vain. */
  #skips = 0;
  #nextSkips = 1;

  /** Packs a message that {@link encodePeerFrame} made, or returns it as it is. */
  async pack(frame: Uint8Array): Promise<Uint8Array> {
    if (frame.byteLength < minBytes || frame.byteLength > MAX_PACKED_BYTES) return frame;
    if (this.#skips > 0) {
      this.#skips -= 1;
      return frame;
    }
    const deflated = await deflate(frame, { level: 1 });
    const head = { encoding: 'deflate-raw', sizeBytes: frame.byteLength };
    const packed = encodePeerFrame(head, [deflated]);
    if (packed.byteLength <= frame.byteLength * worthRatio) {
      this.#nextSkips = 1;
      return packed;
    }
    this.#skips = this.#nextSkips;
    this.#nextSkips = Math.min(maxSkips, this.#nextSkips * 2);
    return frame;
  }
}

/**
 * Unpacks a message; one that is not packed comes back as it is.
 *
 * @throws {@link DwError} `DW_REPLICATION_INVALID_MESSAGE`, also for one that grows beyond what it
 *   announced; no more than that is ever held.
 */
export async function unpackFrame(data: Uint8Array): Promise<Uint8Array> {
  if (!isPacked(data)) return data;
  const { header, attachments } = decodePeerFrame(data, packedSchema);
  const [packed] = attachments;
  if (packed === undefined || attachments.length > 1) throw malformedFrame('it is not packed well');
  const frame = await unpack(packed, header.sizeBytes);
  if (frame.byteLength !== header.sizeBytes) throw malformedFrame('its unpacked length is wrong');
  if (isPacked(frame)) throw malformedFrame('it is packed twice');
  return frame;
}

async function unpack(packed: Uint8Array, sizeBytes: number): Promise<Uint8Array> {
  try {
    return await inflate(packed, { maxOutputLength: sizeBytes });
  } catch (cause) {
    throw malformedFrame('it cannot be unpacked into what it announced', cause);
  }
}

const packedStart = Buffer.from('{"header":{"encoding":"deflate-raw"');

/** Looks at the bytes, so that other messages are parsed only once. */
function isPacked(data: Uint8Array): boolean {
  return packedStart.equals(data.subarray(4, 4 + packedStart.length));
}
