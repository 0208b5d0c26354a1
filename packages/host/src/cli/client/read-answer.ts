import type { ApiResponse } from '@datawarehouse/sdk';
import type { ZodType } from 'zod';
import { cliError } from '../cli-errors.js';

/**
 * Reads an answer as JSON of a known shape.
 *
 * @throws DwError `DW_CLI_NOT_A_NODE` where it has another one.
 */
export async function readAnswer<T>(response: ApiResponse, schema: ZodType<T>): Promise<T> {
  const result = schema.safeParse(await response.json());
  if (result.success) return result.data;
  throw cliError('DW_CLI_NOT_A_NODE', {
    message: 'The node answered what this command does not understand',
    hint: 'Use a `dw` of the node’s version, and check --endpoint.',
    cause: result.error,
  });
}
