import { z } from 'zod';
import { fingerprintSchema, timedIdSchema, timestampSchema } from '../identity/identifiers.js';

/** States of a target. `applied` is what an operator calls delivered. */
export const targetStates = [
  'pending',
  'notified',
  'downloading',
  'verified',
  'applied',
  'failed',
  'refused',
  'expired',
  'cancelled',
] as const;
export type TargetState = (typeof targetStates)[number];

const open = ['downloading', 'verified', 'applied', 'failed', 'refused'] as const;

/**
 * Where a target may go from each state. What a client says it did is the truth, so `applied`
 * still comes after the server gave up on it.
 */
const legalMoves: Readonly<Record<TargetState, readonly TargetState[]>> = {
  pending: ['notified', ...open, 'expired', 'cancelled'],
  notified: [...open, 'expired', 'cancelled'],
  downloading: [...open, 'expired', 'cancelled'],
  verified: ['downloading', 'applied', 'failed', 'refused', 'expired', 'cancelled'],
  applied: [],
  failed: [],
  refused: [],
  expired: ['applied'],
  // Waited for again where its job failed and is sent again.
  cancelled: ['applied', 'pending'],
};

/** Where one client stands with one job. */
export const targetRecordSchema = z.strictObject({
  jobId: timedIdSchema,
  clientId: fingerprintSchema,
  state: z.enum(targetStates),
  /** Bytes that the client has verified. */
  bytes: z.int().min(0).exactOptional(),
  /** Attempts of the client, from 1; 0 before the first. */
  attempt: z.int().min(0),
  /** Why it failed or was refused, or what stopped the latest attempt. */
  code: z.string().max(100).exactOptional(),
  message: z.string().max(500).exactOptional(),
  createdAt: timestampSchema,
  updatedAt: timestampSchema,
});

export type TargetRecord = Readonly<z.output<typeof targetRecordSchema>>;

/** What changes with a move. */
export interface TargetMove {
  readonly state: TargetState;
  readonly bytes?: number;
  readonly attempt?: number;
  readonly code?: string;
  readonly message?: string;
}

export function isLegalMove(from: TargetState, to: TargetState): boolean {
  return legalMoves[from].includes(to);
}

/** Reports whether the server waits for the client. */
export function isOpenTarget(state: TargetState): boolean {
  return legalMoves[state].includes('cancelled');
}
