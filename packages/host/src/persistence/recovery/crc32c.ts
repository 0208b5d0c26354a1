const polynomial = 0x82f63b78;
const maskDelta = 0xa282ead8;

/** Slicing by 8: entry `256 * n + byte` is the checksum of the byte with n zero bytes behind it. */
const table = makeTable();

function makeTable(): Int32Array {
  const made = new Int32Array(8 * 256);
  for (let index = 0; index < made.length; index += 1) {
    if (index < 256) {
      let crc = index;
      for (let bit = 0; bit < 8; bit += 1) crc = step(crc);
      made[index] = crc;
    } else {
      const previous = at(made, index - 256);
      made[index] = at(made, previous & 255) ^ (previous >>> 8);
    }
  }
  return made;
}

/** Moves the register by one bit of zero. */
function step(crc: number): number {
  return (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ polynomial;
}

/** Callers stay inside; a check would halve the speed. */
function at(array: Int32Array | Uint8Array, index: number): number {
  return array[index] as number;
}

/** CRC-32C (Castagnoli) of `data`, going on from the checksum of what is before it. */
export function crc32c(data: Uint8Array, before = 0): number {
  let crc = ~before;
  let index = 0;
  for (const end = data.length & ~7; index < end; index += 8) {
    crc ^=
      at(data, index) |
      (at(data, index + 1) << 8) |
      (at(data, index + 2) << 16) |
      (at(data, index + 3) << 24);
    crc =
      at(table, 1792 + (crc & 255)) ^
      at(table, 1536 + ((crc >>> 8) & 255)) ^
      at(table, 1280 + ((crc >>> 16) & 255)) ^
      at(table, 1024 + (crc >>> 24)) ^
      at(table, 768 + at(data, index + 4)) ^
      at(table, 512 + at(data, index + 5)) ^
      at(table, 256 + at(data, index + 6)) ^
      at(table, at(data, index + 7));
  }
  for (; index < data.length; index += 1)
    crc = at(table, (crc ^ at(data, index)) & 255) ^ (crc >>> 8);
  return ~crc >>> 0;
}

/** How LevelDB stores a checksum. */
export function maskChecksum(crc: number): number {
  return (((crc >>> 15) | (crc << 17)) + maskDelta) >>> 0;
}

/**
 * Finds the one bit whose flip explains a checksum that does not hold, and flips it back.
 *
 * Other damage looks like one flipped bit in about one case of 2^32 divided by the bits of `data`.
 *
 * @returns whether there is one, in `data` or in the stored checksum.
 */
export function flipBack(data: Uint8Array, storedChecksum: number): boolean {
  const actual = crc32c(data);
  const difference = maskChecksum(actual) ^ storedChecksum;
  if (difference !== 0 && (difference & (difference - 1)) === 0) return true;
  const syndrome = actual ^ unmask(storedChecksum);
  let effect = polynomial | 0;
  for (let index = data.length - 1; index >= 0; index -= 1) {
    for (let bit = 7; bit >= 0; bit -= 1) {
      if (effect === syndrome) {
        data[index] = at(data, index) ^ (1 << bit);
        return true;
      }
      effect = step(effect);
    }
  }
  return false;
}

/**
 * Length of the shortest beginning of `data` that has the checksum, 1 or more; `undefined` where
 * none has.
 */
export function lengthWithChecksum(data: Uint8Array, storedChecksum: number): number | undefined {
  const wanted = ~unmask(storedChecksum);
  let crc = ~0;
  for (let index = 0; index < data.length; index += 1) {
    crc = at(table, (crc ^ at(data, index)) & 255) ^ (crc >>> 8);
    if (crc === wanted) return index + 1;
  }
  return undefined;
}

/**
 * Length of the shortest beginning of `data`, 2 or more, behind which its own checksum is stored;
 * `undefined` where there is none.
 */
export function lengthBeforeChecksum(data: Buffer): number | undefined {
  let crc = ~0;
  for (let index = 0; index + 4 < data.length; index += 1) {
    crc = at(table, (crc ^ at(data, index)) & 255) ^ (crc >>> 8);
    if (index > 0 && maskChecksum(~crc >>> 0) === data.readUInt32LE(index + 1)) return index + 1;
  }
  return undefined;
}

function unmask(masked: number): number {
  const rotated = (masked - maskDelta) >>> 0;
  return (rotated >>> 17) | (rotated << 15) | 0;
}
