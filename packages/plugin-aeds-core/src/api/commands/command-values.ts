import type { ApiResponse, CliContext } from '@datawarehouse/sdk';
import type { z } from 'zod';
import { TRUSTED_LEVEL, trustLevels } from '../../collections/client-record.js';
import { aedsError } from '../../errors/aeds-errors.js';

const unitMs: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** Trust levels that an operator can give, in ascending order. */
export const grantableLevels: readonly string[] = trustLevels.slice(TRUSTED_LEVEL);

/** Reads an option that has a value; `undefined` where it was not given. */
export function textOption({ options }: CliContext, name: string): string | undefined {
  const value = options[name];
  return typeof value === 'string' ? value : undefined;
}

/** Reads an option that may be given several times. */
export function listOption({ options }: CliContext, name: string): readonly string[] {
  const value = options[name];
  if (typeof value === 'string') return [value];
  return Array.isArray(value) ? (value as readonly string[]) : [];
}

/** Reads `90s`, `15m`, `12h` or `7d`. */
export function durationOption(context: CliContext, name: string): number | undefined {
  const text = textOption(context, name);
  if (text === undefined) return undefined;
  const [, amount, unit = ''] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  if (amount === undefined) {
    throw aedsError('DW_AEDS_REQUEST_INVALID', {
      message: `Not a duration: ${text}`,
      hint: 'Write it as a number and a unit: 90s, 15m, 12h or 7d.',
    });
  }
  return Number(amount) * (unitMs[unit] ?? 0);
}

/** Reads a node's answer. */
export async function answerOf<T extends z.ZodType>(
  response: ApiResponse,
  schema: T,
): Promise<z.output<T>> {
  const parsed = schema.safeParse(await response.json());
  if (parsed.success) return parsed.data;
  throw aedsError('DW_AEDS_SERVER_REFUSED', {
    message: 'The node’s answer is malformed',
    hint: 'Use a dw of the same version as the node.',
    cause: parsed.error,
  });
}

/** Writes a time for people; nothing where there is none. */
export function formatTime(timeMs: number | undefined): string {
  return timeMs === undefined ? '' : new Date(timeMs).toISOString().replace('.000Z', 'Z');
}
