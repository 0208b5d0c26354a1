/** Decompresses a block in the raw Snappy format; `undefined` where it is malformed. */
export function unsnappy(input: Uint8Array): Uint8Array | undefined {
  const [length, start] = readVarint(input, 0);
  // Snappy cannot do better than 64 bytes from 3.
  if (length === undefined || length > input.length * 64) return undefined;
  const output = new Uint8Array(length);
  let written = 0;
  for (let at = start; at < input.length; ) {
    const element = readElement(input, at);
    if (element === undefined || written + element.length > length) return undefined;
    at = element.end;
    if (element.offset === 0) {
      output.set(input.subarray(at - element.length, at), written);
      written += element.length;
    } else {
      if (element.offset > written) return undefined;
      // Byte by byte: a copy may reach into what it writes.
      for (const end = written + element.length; written < end; written += 1) {
        output[written] = output[written - element.offset] ?? 0;
      }
    }
  }
  return written === length ? output : undefined;
}

interface Element {
  readonly length: number;
  /** 0 for a literal. */
  readonly offset: number;
  readonly end: number;
}

function readElement(input: Uint8Array, at: number): Element | undefined {
  const tag = input[at] ?? 0;
  if ((tag & 3) === 0) {
    const extra = Math.max(0, (tag >>> 2) - 59);
    const length = 1 + (extra === 0 ? tag >>> 2 : littleEndian(input, at + 1, extra));
    const end = at + 1 + extra + length;
    return end > input.length ? undefined : { length, offset: 0, end };
  }
  const [length, extra, high] =
    (tag & 3) === 1
      ? [4 + ((tag >>> 2) & 7), 1, (tag >>> 5) << 8]
      : [1 + (tag >>> 2), (tag & 3) === 2 ? 2 : 4, 0];
  const end = at + 1 + extra;
  if (end > input.length) return undefined;
  const offset = high + littleEndian(input, at + 1, extra);
  return offset === 0 ? undefined : { length, offset, end };
}

function littleEndian(input: Uint8Array, at: number, count: number): number {
  let value = 0;
  for (let index = count - 1; index >= 0; index -= 1)
    value = value * 256 + (input[at + index] ?? 0);
  return value;
}

/** Reads a varint of at most 53 bits. @returns the value, `undefined` where malformed, and its end. */
export function readVarint(
  input: Uint8Array,
  start: number,
): readonly [value: number | undefined, end: number] {
  let value = 0;
  let scale = 1;
  for (let at = start; at < input.length && at < start + 10; at += 1) {
    const byte = input[at] ?? 0;
    value += (byte & 127) * scale;
    if (byte < 128) return [Number.isSafeInteger(value) ? value : undefined, at + 1];
    scale *= 128;
  }
  return [undefined, start];
}
