import type { z } from 'zod';
import { aedsError } from '../errors/aeds-errors.js';

/** Writes a record as it is stored. */
export function encodeRecord(value: object): Uint8Array {
  return Buffer.from(JSON.stringify(value), 'utf8');
}

/**
 * Reads a stored record, and checks it.
 *
 * @throws DwError `DW_AEDS_RECORD_DAMAGED`.
 */
export function decodeRecord<T>(schema: z.ZodType<T>, path: string, data: Uint8Array): T {
  try {
    return schema.parse(JSON.parse(Buffer.from(data).toString('utf8')));
  } catch (cause) {
    throw aedsError('DW_AEDS_RECORD_DAMAGED', { cause, details: { path } });
  }
}
