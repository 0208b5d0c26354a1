import { replicationError } from '../errors/replication-errors.js';

/** Reads `after` and `limit` of a query. @throws {@link DwError} `DW_REPLICATION_INVALID_QUERY`. */
export function pageQuery(query: Readonly<Record<string, string>>): {
  readonly after?: string;
  readonly limit?: number;
} {
  const { after, limit } = query;
  const count = limit === undefined ? undefined : Number(limit);
  if (count !== undefined && !(Number.isInteger(count) && count >= 1 && count <= 1000)) {
    throw replicationError('DW_REPLICATION_INVALID_QUERY', {
      message: 'limit is a whole number from 1 to 1000',
    });
  }
  return { ...(after && { after }), ...(count !== undefined && { limit: count }) };
}
