import { createHash, timingSafeEqual } from 'node:crypto';
import { apiError } from './api-errors.js';

/** Lets operators in by the node's token, compared in constant time. */
export class TokenGuard {
  readonly #digest: Buffer;

  constructor(token: string) {
    this.#digest = digestOf(token);
  }

  /**
   * Checks the `Authorization` header of a request.
   *
   * @throws DwError `DW_API_UNAUTHENTICATED`.
   */
  assertOperator(authorization: string | undefined): void {
    if (authorization === undefined) {
      throw apiError('DW_API_UNAUTHENTICATED', { message: 'The request has no access token' });
    }
    const given = /^bearer +(\S+) *$/i.exec(authorization)?.[1] ?? '';
    if (timingSafeEqual(digestOf(given), this.#digest)) return;
    throw apiError('DW_API_UNAUTHENTICATED', { message: 'The access token is wrong' });
  }
}

/** Digests have one length, which is what a comparison in constant time needs. */
function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
