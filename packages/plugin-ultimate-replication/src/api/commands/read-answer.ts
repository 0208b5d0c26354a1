import type { ApiResponse } from '@datawarehouse/sdk';
import type { ZodType } from 'zod';
import { replicationError } from '../../errors/replication-errors.js';

/**
 * Reads a node's answer.
 *
 * @throws {@link DwError} `DW_REPLICATION_BAD_ANSWER`.
 */
export async function readAnswer<T>(response: ApiResponse, schema: ZodType<T>): Promise<T> {
  const result = schema.safeParse(await response.json());
  if (result.success) return result.data;
  throw replicationError('DW_REPLICATION_BAD_ANSWER', { cause: result.error });
}
