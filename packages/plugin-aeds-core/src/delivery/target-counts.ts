import type { SettledJobStatus } from '../jobs/job-lifecycle.js';
import { isOpenTarget, type TargetState, targetStates } from './target-record.js';

/** Targets of a job by state. The sum of them all is the number of targets. */
export type TargetCounts = Readonly<Record<TargetState, number>>;

export const noTargets: TargetCounts = Object.freeze(
  Object.fromEntries(targetStates.map((state) => [state, 0])) as Record<TargetState, number>,
);

/** Counts after a target has come into a state, from another or as a new one. */
export function countMove(
  counts: TargetCounts,
  from: TargetState | undefined,
  to: TargetState,
): TargetCounts {
  const next: Record<TargetState, number> = { ...counts };
  if (from !== undefined) next[from] -= 1;
  next[to] += 1;
  return next;
}

/** What contracts call the numbers of a job. */
export function summarise(counts: TargetCounts): {
  readonly totalTargets: number;
  readonly deliveredCount: number;
  readonly failedCount: number;
  readonly openCount: number;
} {
  const sum = (states: readonly TargetState[]): number =>
    states.reduce((total, state) => total + counts[state], 0);
  return {
    totalTargets: sum(targetStates),
    deliveredCount: counts.applied,
    failedCount: sum(['failed', 'refused', 'expired', 'cancelled']),
    openCount: sum(targetStates.filter(isOpenTarget)),
  };
}

/** The state of a job that all its targets are through with; `undefined` while some are not. */
export function settledStatusOf(counts: TargetCounts): SettledJobStatus | undefined {
  const { totalTargets, deliveredCount, openCount } = summarise(counts);
  if (openCount > 0) return undefined;
  if (deliveredCount === totalTargets) return 'completed';
  return deliveredCount > 0 ? 'partiallyCompleted' : 'failed';
}
