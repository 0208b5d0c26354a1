import { mkdir, open, readFile, rm } from 'node:fs/promises';
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

/** Directories in use by agents of this process. */
const inUse = new Set<string>();

/**
 * Makes the directory, and keeps other agents away from it.
 *
 * @throws DwError `DW_AEDS_DIRECTORY_IN_USE`, `DW_AEDS_FILE_IO`.
 */
export async function lockDirectory(directory: string): Promise<AsyncDisposable> {
  const path = join(directory, 'agent.lock');
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    if (inUse.has(path)) throw aedsError('DW_AEDS_DIRECTORY_IN_USE', { details: { path } });
    await removeStaleLock(path);
    const file = await open(path, 'wx', 0o600);
    await file.writeFile(String(process.pid));
    await file.close();
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw fileError(error, path);
    throw aedsError('DW_AEDS_DIRECTORY_IN_USE', { details: { path } });
  }
  inUse.add(path);
  return {
    [Symbol.asyncDispose]: async () => {
      await rm(path, { force: true });
      inUse.delete(path);
    },
  };
}

/** Removes the lock of an agent that is gone. */
async function removeStaleLock(path: string): Promise<void> {
  let pid: number;
  try {
    pid = Number(await readFile(path, 'utf8'));
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return;
    throw error;
  }
  if (pid === process.pid || !isRunning(pid)) await rm(path, { force: true });
}

function isRunning(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) === 'EPERM';
  }
}
