import { DwError, type ErrorCategory } from '@datawarehouse/sdk';
import { z } from 'zod';
import { cliError } from '../cli-errors.js';
import type { NodeAddress } from './node-address.js';

/** How a node answers what it refuses. */
const refusalSchema = z.looseObject({
  error: z.looseObject({
    code: z.string().regex(/^DW_[A-Z0-9_]+$/),
    message: z.string(),
    hint: z.string().optional(),
    retryable: z.boolean().optional(),
    details: z.record(z.string(), z.unknown()).optional(),
  }),
});

const categories: Readonly<Record<number, ErrorCategory>> = {
  400: 'invalid',
  401: 'unauthenticated',
  403: 'denied',
  404: 'notFound',
  409: 'conflict',
  413: 'tooLarge',
  429: 'exhausted',
  503: 'unavailable',
  504: 'timeout',
};

/** A refusal as it arrived. */
export interface Refusal {
  readonly status: number;
  /** Whether the answer names how to authenticate: then it is about the token. */
  readonly asksForToken: boolean;
  readonly bodyText: string;
  /** An answer to HEAD has no body to tell more. */
  readonly isHead: boolean;
}

/** Turns a refusal into the error that the node meant. */
export function refusalError(refusal: Refusal, address: NodeAddress): DwError {
  const { status, asksForToken } = refusal;
  if (status === 401 && asksForToken) return tokenError(address);
  const parsed = refusalSchema.safeParse(parseJson(refusal.bodyText));
  if (!parsed.success) return refusal.isHead ? statusError(status, address) : notANode(address);
  const { code, message, hint, retryable, details } = parsed.data.error;
  return new DwError(code, message, {
    category: categories[status] ?? 'internal',
    retryable: retryable ?? false,
    ...(hint !== undefined && { hint }),
    ...(details !== undefined && { details }),
  });
}

/** An answer that no node gives. */
export function notANode(address: NodeAddress, cause?: unknown): DwError {
  const { endpoint } = address;
  return cliError('DW_CLI_NOT_A_NODE', {
    message: `What answers at ${endpoint} is not a DataWarehouse node`,
    details: { endpoint },
    ...(cause !== undefined && { cause }),
  });
}

/** Parses JSON; `undefined` where the text is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function tokenError({ endpoint, tokenSource }: NodeAddress): DwError {
  return cliError('DW_CLI_TOKEN_REFUSED', {
    message: `The node at ${endpoint} refused the token from ${tokenSource}`,
    details: { endpoint, tokenSource },
  });
}

function statusError(status: number, { endpoint }: NodeAddress): DwError {
  return new DwError('DW_CLI_REFUSED', `The node at ${endpoint} answered ${status}`, {
    category: categories[status] ?? 'internal',
    hint: 'Run the command again with --verbose to see the request.',
    retryable: status === 429 || status === 503 || status === 504,
    details: { endpoint, status },
  });
}
