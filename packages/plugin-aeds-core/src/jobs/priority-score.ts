import type { IntentManifest, ManifestAction } from '../manifests/intent-manifest.js';

const hourMs = 3_600_000;
const wideBroadcastTargets = 100;

const actionBonus: Readonly<Record<ManifestAction, number>> = {
  execute: 15,
  interactive: 10,
  notify: 5,
  custom: 5,
  passive: 0,
};

/** How urgent a job is, 0 to 150: its manifest's priority, its expiry, its action and its reach. */
export function priorityScore(
  manifest: Pick<IntentManifest, 'priority' | 'action' | 'deliveryMode'> & {
    readonly expiresAt?: number;
  },
  targetCount: number,
  nowMs: number,
): number {
  const isWide = manifest.deliveryMode === 'broadcast' && targetCount > wideBroadcastTargets;
  const score =
    manifest.priority +
    expiryBonus(manifest.expiresAt, nowMs) +
    actionBonus[manifest.action] -
    (isWide ? 5 : 0);
  return Math.min(150, Math.max(0, score));
}

function expiryBonus(expiresAt: number | undefined, nowMs: number): number {
  if (expiresAt === undefined) return 0;
  const leftMs = expiresAt - nowMs;
  if (leftMs <= hourMs) return 20;
  return leftMs <= 24 * hourMs ? 10 : 0;
}
