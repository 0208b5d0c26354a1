import { randomBytes, scrypt } from 'node:crypto';
import { encodeBase32, normaliseBase32 } from '../identity/crockford-base32.js';

/** A PIN in its parts: which invitation it opens, and the secret, 50 random bits. */
export interface Pin {
  readonly invitationId: string;
  readonly secret: string;
}

const idLength = 4;
const secretLength = 10;

/** Cost of one guess: 32 MiB and tens of milliseconds (RFC 7914). Fixed, so that nobody can talk a client into less. */
const scryptCost = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 1024 * 1024 } as const;

export function newPin(): Pin {
  return {
    invitationId: encodeBase32(randomBytes(3), idLength),
    secret: encodeBase32(randomBytes(7), secretLength),
  };
}

/** Writes a PIN for people: `7K2M-4XQ9T-ZB1CE`. */
export function formatPin({ invitationId, secret }: Pin): string {
  return `${invitationId}-${secret.slice(0, 5)}-${secret.slice(5)}`;
}

/** Reads a typed PIN; `undefined` where it cannot be one. */
export function parsePin(typed: string): Pin | undefined {
  const text = normaliseBase32(typed);
  if (text?.length !== idLength + secretLength) return undefined;
  return { invitationId: text.slice(0, idLength), secret: text.slice(idLength) };
}

/** The key that both sides make from the PIN. The server keeps it in place of the PIN. */
export function deriveEnrolmentKey(pin: Pin, salt: Uint8Array): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    scrypt(`${pin.invitationId}${pin.secret}`, salt, 32, scryptCost, (error, key) => {
      if (error === null) resolve(key);
      else reject(error);
    });
  });
}
