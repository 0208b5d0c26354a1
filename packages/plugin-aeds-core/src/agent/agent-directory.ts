import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { NODE_ID_PATTERN } from '@datawarehouse/sdk';
import { z } from 'zod';
import { aedsError } from '../errors/aeds-errors.js';
import { writeFileAtomically } from '../files/atomic-file.js';
import { fileError, systemCode } from '../files/file-errors.js';
import { channelIdSchema } from '../identity/identifiers.js';
import { trustAnchorsSchema } from '../manifests/trust-store.js';

/**
 * Where an agent keeps things, below its directory:
 *
 * - `identity.pem`: its private key.
 * - `server.json`: the server that it enrolled on, and the keys that it trusts.
 * - `state/<job>.json`: what it did with each manifest, and what it has yet to report.
 * - `quarantine/<job>/`: payloads that are not verified yet.
 * - `files/<channel or job>/<name>`: what was delivered.
 */
export interface AgentPaths {
  readonly identity: string;
  readonly server: string;
  readonly state: string;
  readonly quarantine: string;
  readonly files: string;
}

export function agentPaths(directory: string): AgentPaths {
  return {
    identity: join(directory, 'identity.pem'),
    server: join(directory, 'server.json'),
    state: join(directory, 'state'),
    quarantine: join(directory, 'quarantine'),
    files: join(directory, 'files'),
  };
}

const enrolledServerSchema = z.strictObject({
  serverId: z.string().regex(NODE_ID_PATTERN),
  anchors: trustAnchorsSchema,
  /** Channels that it subscribes to. */
  channels: z.array(channelIdSchema).max(100),
});

/** The server that an agent belongs to. */
export type EnrolledServer = Readonly<z.output<typeof enrolledServerSchema>>;

export async function readEnrolledServer(path: string): Promise<EnrolledServer | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw fileError(error, path);
  }
  try {
    return enrolledServerSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw aedsError('DW_AEDS_TRUST_INVALID', { cause, details: { path } });
  }
}

export async function writeEnrolledServer(path: string, server: EnrolledServer): Promise<void> {
  await writeFileAtomically(path, `${JSON.stringify(server, undefined, 2)}\n`);
}
