import { NODE_ID_PATTERN } from '@datawarehouse/sdk';
import { z } from 'zod';
import { replicationError } from './errors/replication-errors.js';

const hourMs = 3_600_000;

/** Schema of the plugin's section of the configuration. */
export const replicationConfigSchema = z.strictObject({
  defaultStrategy: z
    .string()
    .default('asynchronous')
    .describe('Strategy of names that no route fits, until routes are changed while running.'),
  routes: z
    .array(
      z.strictObject({
        pattern: z.string().describe('Glob over namespaces, or over namespace/key.'),
        strategy: z.string().describe('Name of a strategy.'),
      }),
    )
    .max(100_000)
    .default([])
    .describe('Routes in order, until routes are changed while running.'),
  healthIntervalMs: z
    .int()
    .min(50)
    .max(hourMs)
    .default(30_000)
    .describe('Time between two probes of a replica.'),
  confirmTimeoutMs: z
    .int()
    .min(1)
    .max(hourMs)
    .default(10_000)
    .describe('How long a write waits for the confirmations of its strategy, and for room.'),
  retentionMs: z
    .int()
    .min(1000)
    .default(48 * hourMs)
    .describe('How long the log keeps entries for a replica that does not confirm them.'),
  maxObjectBytes: z
    .int()
    .min(0)
    .default(16 * 1024 ** 3)
    .describe('Largest object.'),
  maxLogBytes: z
    .int()
    .min(0)
    .default(4 * 1024 ** 3)
    .describe('Bytes of log beyond which the oldest entries go; replicas behind resynchronise.'),
  conflictRetentionMs: z
    .int()
    .min(1000)
    .default(30 * 24 * hourMs)
    .describe('How long the conflict log keeps what lost against a concurrent version.'),
  maxConflicts: z
    .int()
    .min(1)
    .max(1_000_000)
    .default(10_000)
    .describe('Most entries of the conflict log; the oldest go.'),
  maxConflictBytes: z
    .int()
    .min(0)
    .default(4 * 1024 ** 3)
    .describe('Most bytes of discarded content that the conflict log holds; the oldest go.'),
  syncMode: z
    .enum(['online', 'offline', 'airGap', 'hybrid'])
    .default('online')
    .describe(
      'How nodes synchronise on a schedule: over the network, by bundles, by bundles signed with pinned keys, or by bundles while the network is away.',
    ),
  syncIntervalMs: z
    .int()
    .min(0)
    .max(30 * 24 * hourMs)
    .default(hourMs)
    .describe(
      'Time between two comparisons with each replica, give or take a quarter; 0 for none.',
    ),
  bundleFolder: z
    .string()
    .min(1)
    .optional()
    .describe('Folder in which bundles for other nodes are left, and those for this one lie.'),
  bundleIntervalMs: z
    .int()
    .min(50)
    .max(24 * hourMs)
    .default(300_000)
    .describe('Time between two bundles for a node that cannot be reached, in the mode hybrid.'),
  bundleKeys: z
    .record(z.string().regex(NODE_ID_PATTERN), z.string().regex(/^[A-Za-z0-9_-]{43}$/))
    .default({})
    .describe('Public keys of nodes, by id, that bundles may be signed with.'),
  maxBundleBytes: z
    .int()
    .min(0)
    .default(1024 ** 4)
    .describe('Longest bundle that can be uploaded.'),
  maxClockDriftMs: z
    .int()
    .min(0)
    .default(hourMs)
    .describe('How far in the future a version of another node may lie.'),
});

/** The plugin's section of the configuration, complete. */
export type ReplicationConfig = Readonly<z.output<typeof replicationConfigSchema>>;

/**
 * Completes the plugin's section of the configuration.
 *
 * @throws {@link DwError} `DW_REPLICATION_INVALID_CONFIG`.
 */
export function parseReplicationConfig(value: unknown): ReplicationConfig {
  const result = replicationConfigSchema.safeParse(value);
  if (result.success) return Object.freeze(result.data);
  const issues = result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  throw replicationError('DW_REPLICATION_INVALID_CONFIG', {
    message: `The configuration of replication is malformed: ${issues.join('; ')}`,
    details: { issues },
  });
}
