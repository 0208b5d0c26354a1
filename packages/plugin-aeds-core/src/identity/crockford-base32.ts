/** Douglas Crockford's alphabet: no I, L, O or U, so that it survives being read aloud. */
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** Writes the first `length × 5` bits of `bytes`, five to a character. */
export function encodeBase32(bytes: Uint8Array, length: number): string {
  if (bytes.byteLength * 8 < length * 5) throw new TypeError('Too few bytes for the length');
  let text = '';
  let bits = 0;
  let value = 0;
  for (const byte of bytes) {
    value = (value << 8) | byte;
    bits += 8;
    while (bits >= 5 && text.length < length) {
      bits -= 5;
      text += alphabet.charAt((value >>> bits) & 31);
    }
    value &= (1 << bits) - 1;
  }
  return text;
}

/**
 * Reads what a person typed: any case, with or without dashes and blanks, O for 0, I and L for 1.
 *
 * @returns The characters in canonical form, or `undefined` where one is none of the alphabet.
 */
export function normaliseBase32(typed: string): string | undefined {
  const text = typed.toUpperCase().replace(/[\s-]/g, '').replace(/O/g, '0').replace(/[IL]/g, '1');
  return /^[0-9A-HJKMNP-TV-Z]*$/.test(text) ? text : undefined;
}
