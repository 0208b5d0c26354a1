import { replicationError } from '../../errors/replication-errors.js';

const unitsMs: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/**
 * Reads a place that a user gives: a sequence of a log (`1200`), a time (`2026-11-20T08:00`), or how
 * long ago (`36h`).
 *
 * @throws {@link DwError} `DW_REPLICATION_INVALID_QUERY`.
 */
export function parseSince(
  text: string,
  nowMs: number,
): { readonly afterSequence: number } | { readonly sinceMs: number } {
  if (/^\d{1,15}$/.test(text)) return { afterSequence: Number(text) };
  const [, amount, unit = ''] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  if (amount !== undefined) return { sinceMs: nowMs - Number(amount) * (unitsMs[unit] ?? 0) };
  const timeMs = Date.parse(text);
  if (/^\d{4}-\d{2}-\d{2}/.test(text) && Number.isFinite(timeMs)) return { sinceMs: timeMs };
  throw replicationError('DW_REPLICATION_INVALID_QUERY', {
    message: `"${text.slice(0, 64)}" is no sequence, no time such as 2026-11-20T08:00, and no span such as 36h`,
  });
}
