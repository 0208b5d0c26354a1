import { z } from 'zod';
import type { CollectionLookup } from '../collections/collection.js';
import { aedsError } from '../errors/aeds-errors.js';

/**
 * Parses what came with a request.
 *
 * @throws DwError `DW_AEDS_REQUEST_INVALID`.
 */
export function parseRequest<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues
    .slice(0, 10)
    .map((issue) => `${issue.path.join('.') || 'request'}: ${issue.message}`);
  throw aedsError('DW_AEDS_REQUEST_INVALID', {
    message: `The request is malformed: ${issues.join('; ')}`,
    details: { issues },
  });
}

/** Reads what a listing is looked up by: nothing, or one of several. */
export function lookupOf(query: Readonly<Record<string, unknown>>): CollectionLookup | undefined {
  const [first, ...others] = Object.entries(query).filter(([, value]) => value !== undefined);
  if (first === undefined) return undefined;
  if (others.length === 0) return { index: first[0], value: String(first[1]) };
  const issues = ['give one of them alone'];
  throw aedsError('DW_AEDS_REQUEST_INVALID', { details: { issues } });
}

/** Which page of a listing is wanted. */
export const pageSchema = z.strictObject({
  after: z.string().min(1).max(100).exactOptional(),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
});
