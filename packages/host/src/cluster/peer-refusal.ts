import { DwError, type ErrorCategory, peerError } from '@datawarehouse/sdk';
import { z } from 'zod';
import { jsonSafe } from '../api/json-safe.js';
import { clusterError } from './cluster-errors.js';

const categories = [
  'invalid',
  'unauthenticated',
  'denied',
  'notFound',
  'conflict',
  'tooLarge',
  'exhausted',
  'unavailable',
  'timeout',
  'corrupt',
  'internal',
] as const satisfies readonly ErrorCategory[];

const refusalSchema = z.object({
  error: z.object({
    code: z.string().min(1).max(200),
    message: z.string(),
    hint: z.string().optional(),
    retryable: z.boolean(),
    category: z.enum(categories).catch('internal'),
    details: z.record(z.string(), z.unknown()).default({}),
  }),
  /** Who refused: the transport itself, or the handler of the service. */
  by: z.enum(['transport', 'service']),
});

/** A refusal as another node sent it. */
export type PeerRefusal = z.output<typeof refusalSchema>;

/** Most bytes of the details that travel with an error. */
const maxDetailsBytes = 64 * 1024;

/** Writes an error for another node: a `DwError` in full, anything else without what it says. */
export function encodeRefusal(error: unknown, by: PeerRefusal['by']): Uint8Array {
  const shown = asDwError(error);
  const details = jsonSafe(shown.details);
  const isLong = Buffer.byteLength(JSON.stringify(details)) > maxDetailsBytes;
  const refusal: PeerRefusal = {
    error: {
      code: shown.code,
      message: shown.message,
      ...(shown.hint !== undefined && { hint: shown.hint }),
      retryable: shown.retryable,
      category: shown.category,
      details: isLong ? {} : details,
    },
    by,
  };
  return Buffer.from(JSON.stringify(refusal));
}

/** The error that is told to another node in place of an unexpected one. */
function asDwError(error: unknown): DwError {
  return DwError.is(error) ? error : clusterError('DW_CLUSTER_INTERNAL');
}

/** Reads a refusal; `undefined` where the bytes are none. */
export function decodeRefusal(body: Uint8Array): PeerRefusal | undefined {
  try {
    return refusalSchema.safeParse(JSON.parse(Buffer.from(body).toString('utf8'))).data;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Codes of the transport that mean the same on the calling side. */
const sameHere = ['DW_PEER_UNKNOWN_SERVICE', 'DW_PEER_TOO_LARGE'] as const;

/** The error that a call ends with when the other side refused it. */
export function refusalError(nodeId: string, refusal: PeerRefusal): DwError {
  const { error, by } = refusal;
  const same = by === 'transport' ? sameHere.find((code) => code === error.code) : undefined;
  return peerError(same ?? 'DW_PEER_REFUSED', {
    message:
      same === undefined ? `Node ${nodeId} refused the request: ${error.message}` : error.message,
    ...(error.hint !== undefined && { hint: error.hint }),
    retryable: error.retryable,
    details: { nodeId, remote: error },
  });
}
