import { z } from 'zod';
import { replicationError } from '../errors/replication-errors.js';
import {
  firstFormFields,
  type ObjectRecord,
  objectNameSchema,
  versionFields,
  versionOf,
  versionTexts,
} from '../objects/object-record.js';

/** Greatest time that a date can have. */
const maxTimestampMs = 8.64e15;

/**
 * What a log entry holds: a change of one object, without its bytes.
 *
 * The operation `merge` is reserved for strategies that merge; a node that does not know an
 * operation keeps the event as a dead letter.
 */
const eventSchema = z
  .object({
    v: z.literal([1, 2]),
    operation: z.enum(['put', 'delete']),
    namespace: objectNameSchema,
    key: objectNameSchema,
    ...versionFields,
    ...firstFormFields,
    timestampMs: z.int().min(0).max(maxTimestampMs),
  })
  .refine(
    (event) => (event.operation === 'put') === (event.payload !== undefined),
    'the operation and the payload do not fit together',
  );

/** Encodes a change for the log and for other nodes: JSON in UTF-8. */
export function encodeEvent(record: ObjectRecord): Uint8Array {
  const { namespace, key, payload, contentType, strategy, updatedAtMs: timestampMs } = record;
  const operation = payload === undefined ? 'delete' : 'put';
  const rest = { payload, contentType, strategy, timestampMs };
  const event = { v: 2, operation, namespace, key, ...versionTexts(record), ...rest };
  return Buffer.from(JSON.stringify(event), 'utf8');
}

/**
 * Decodes what {@link encodeEvent} wrote, on this node or another.
 *
 * @throws {@link DwError} `DW_REPLICATION_INVALID_EVENT`.
 */
export function decodeEvent(data: Uint8Array): ObjectRecord {
  const result = eventSchema.safeParse(parseJson(data));
  if (!result.success) {
    const issues = result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
    throw replicationError('DW_REPLICATION_INVALID_EVENT', {
      message: `An event of another node cannot be read: ${issues.join('; ')}`,
      details: { issues },
    });
  }
  const { namespace, key, timestampMs } = result.data;
  return { namespace, key, ...versionOf(result.data, timestampMs) };
}

function parseJson(data: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(data));
  } catch (cause) {
    throw replicationError('DW_REPLICATION_INVALID_EVENT', { cause });
  }
}
