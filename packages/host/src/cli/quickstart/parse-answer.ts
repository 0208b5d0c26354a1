import type { ZodType } from 'zod';
import { quickstartError } from './quickstart-errors.js';

/**
 * Reads what a node or a command answered.
 *
 * @throws DwError `DW_QUICKSTART_ANSWER`.
 */
export function parseAnswer<T>(schema: ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issues = result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  throw quickstartError('DW_QUICKSTART_ANSWER', {
    message: `A node answered what the quickstart does not understand: ${issues.join('; ')}`,
    cause: result.error,
    details: { issues },
  });
}
