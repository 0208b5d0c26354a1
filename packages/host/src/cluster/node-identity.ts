import {
  createHash,
  createPrivateKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from 'node:crypto';
import { open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  type DwError,
  ed25519PublicKeyText,
  type INodeIdentity,
  NODE_ID_PATTERN,
} from '@datawarehouse/sdk';
import { z } from 'zod';
import { clusterError } from './cluster-errors.js';

/** Where a {@link NodeIdentity} is kept, and what it is called. */
export interface NodeIdentityOptions {
  /** Existing folder that this process alone uses. */
  readonly dataDirectory: string;
  /** Id of a new node. Default: made from its public key. */
  readonly nodeId?: string | undefined;
}

const fileSchema = z.strictObject({
  version: z.literal(1),
  nodeId: z.string().regex(NODE_ID_PATTERN),
  publicKey: z.string(),
  /** PKCS #8 in DER, base64. */
  privateKey: z.base64(),
});

/** The node's key pair and id, created at the first start and kept in `identity.json`. */
export class NodeIdentity implements INodeIdentity {
  readonly nodeId: string;
  readonly publicKey: string;
  readonly #privateKey: KeyObject;

  private constructor(nodeId: string, privateKey: KeyObject) {
    this.nodeId = nodeId;
    this.publicKey = ed25519PublicKeyText(privateKey);
    this.#privateKey = privateKey;
  }

  /**
   * Reads the identity, or creates it where there is none yet.
   *
   * @throws DwError `DW_CLUSTER_IDENTITY_UNREADABLE`, `DW_CLUSTER_IDENTITY_CORRUPT`,
   *   `DW_CLUSTER_IDENTITY_CONFLICT`.
   */
  static async open(options: NodeIdentityOptions): Promise<NodeIdentity> {
    const { dataDirectory, nodeId } = options;
    if (nodeId !== undefined && !NODE_ID_PATTERN.test(nodeId)) {
      throw new TypeError(`Malformed node id: ${nodeId}`);
    }
    const file = join(dataDirectory, 'identity.json');
    const text = await readIfThere(file);
    if (text === undefined) return NodeIdentity.#create(file, nodeId);
    const identity = NodeIdentity.#parse(file, text);
    if (nodeId === undefined || nodeId === identity.nodeId) return identity;
    throw clusterError('DW_CLUSTER_IDENTITY_CONFLICT', {
      message: `The node id ${nodeId} is configured, but ${dataDirectory} belongs to the node ${identity.nodeId}`,
      hint: `Configure the id ${identity.nodeId}, or choose another data directory for ${nodeId}.`,
      details: { configured: nodeId, kept: identity.nodeId, file },
    });
  }

  static async #create(file: string, nodeId: string | undefined): Promise<NodeIdentity> {
    const { privateKey } = generateKeyPairSync('ed25519');
    const identity = new NodeIdentity(nodeId ?? idOf(privateKey), privateKey);
    const content: z.input<typeof fileSchema> = {
      version: 1,
      nodeId: identity.nodeId,
      publicKey: identity.publicKey,
      privateKey: privateKey.export({ format: 'der', type: 'pkcs8' }).toString('base64'),
    };
    await writeDurably(file, `${JSON.stringify(content, undefined, 2)}\n`);
    return identity;
  }

  static #parse(file: string, text: string): NodeIdentity {
    let identity: NodeIdentity;
    let publicKey: string;
    try {
      const content = fileSchema.parse(JSON.parse(text));
      const der = Buffer.from(content.privateKey, 'base64');
      const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
      identity = new NodeIdentity(content.nodeId, key);
      publicKey = content.publicKey;
    } catch (cause) {
      throw damaged(file, cause);
    }
    if (publicKey !== identity.publicKey) throw damaged(file, new Error('The keys do not match'));
    return identity;
  }

  sign(data: Uint8Array): Uint8Array {
    return sign(null, data, this.#privateKey);
  }
}

function idOf(key: KeyObject): string {
  const raw = Buffer.from(ed25519PublicKeyText(key), 'base64url');
  return `n-${createHash('sha256').update(raw).digest('hex').slice(0, 10)}`;
}

function damaged(file: string, cause: unknown): DwError {
  return clusterError('DW_CLUSTER_IDENTITY_CORRUPT', {
    message: `The identity in ${file} is damaged`,
    cause,
    details: { file },
  });
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined;
    throw inaccessible(file, cause);
  }
}

/** Writes all or nothing: a crash leaves no file, or the whole of it. */
async function writeDurably(file: string, text: string): Promise<void> {
  const temporary = `${file}.tmp`;
  try {
    await rm(temporary, { force: true });
    await writeNew(temporary, text);
    await rename(temporary, file);
    await syncDirectory(dirname(file));
  } catch (cause) {
    await rm(temporary, { force: true });
    throw inaccessible(file, cause);
  }
}

async function writeNew(file: string, text: string): Promise<void> {
  await using handle = await open(file, 'wx', 0o600);
  await handle.writeFile(text);
  await handle.sync();
}

async function syncDirectory(directory: string): Promise<void> {
  // Windows cannot open a folder, and needs no sync for a rename to last.
  if (process.platform === 'win32') return;
  await using handle = await open(directory, 'r');
  await handle.sync();
}

function inaccessible(file: string, cause: unknown): DwError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return clusterError('DW_CLUSTER_IDENTITY_UNREADABLE', {
    message: `The identity in ${file} cannot be read or written: ${reason}`,
    cause,
    details: { file },
  });
}
