import { availableParallelism } from 'node:os';
import { z } from 'zod';
import { aedsError } from './errors/aeds-errors.js';
import { MAX_PAYLOAD_BYTES } from './manifests/intent-manifest.js';
import { trustAnchorSchema } from './manifests/trust-store.js';

/** Schema of the plugin's section of the configuration. `config.schema.json` is made from it. */
export const configurationSchema = z.strictObject({
  partitions: z
    .int()
    .min(1)
    .max(1024)
    .exactOptional()
    .describe('Partitions of the job queue. Default: as many as the machine runs in parallel.'),
  jobTimeLimitMs: z
    .int()
    .min(1000)
    .max(86_400_000)
    .default(300_000)
    .describe('Longest that the dispatch of one job may take.'),
  jobMaxAttempts: z
    .int()
    .min(1)
    .max(100)
    .default(5)
    .describe('Attempts of a job before it is put with the dead letters.'),
  maxPayloadBytes: z
    .int()
    .min(1)
    .max(MAX_PAYLOAD_BYTES)
    .default(16 * 1024 ** 3)
    .describe('Largest payload that can be published.'),
  requestWindowMs: z
    .int()
    .min(1000)
    .max(600_000)
    .default(60_000)
    .describe('How far the clock of a client may be from this node’s.'),
  trustAnchors: z
    .array(trustAnchorSchema)
    .max(99)
    .default([])
    .describe('Keys that clients trust beside this node’s transport key, such as release keys.'),
});

/** The plugin's section of the configuration, complete. */
export type AedsConfiguration = Readonly<
  Required<z.output<typeof configurationSchema>> & { readonly partitions: number }
>;

/** @throws DwError `DW_AEDS_CONFIG_INVALID`. */
export function parseConfiguration(value: unknown): AedsConfiguration {
  const parsed = configurationSchema.safeParse(value);
  if (parsed.success) {
    return Object.freeze({ partitions: availableParallelism(), ...parsed.data });
  }
  const issues = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  throw aedsError('DW_AEDS_CONFIG_INVALID', {
    message: `The configuration of AEDS is malformed: ${issues.join('; ')}`,
    details: { issues },
  });
}
