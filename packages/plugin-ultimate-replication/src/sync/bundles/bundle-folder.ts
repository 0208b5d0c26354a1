import { randomUUID } from 'node:crypto';
import { open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DwError, type Logger, makeFolder } from '@datawarehouse/sdk';
import { replicationError } from '../../errors/replication-errors.js';
import type { ExchangeScope } from '../../queue/peer-messages.js';
import { addCounts, noCounts } from '../remote-versions.js';
import type { SyncChannel, SyncCounts, SyncRun } from '../sync-channel.js';
import type { BundleImporter } from './bundle-importer.js';
import type { TrustedKey } from './bundle-reader.js';
import type { BundleWriter } from './bundle-writer.js';
import type { ReplicaPlaces } from './replica-places.js';

/** What a {@link BundleFolder} works with. */
export interface BundleFolderOptions {
  /** Shared or carried folder; absent where none is configured. */
  readonly folder: string | undefined;
  /** Id of this node. */
  readonly nodeId: string;
  readonly bundleWriter: BundleWriter;
  readonly importer: BundleImporter;
  readonly trustedKey: TrustedKey;
  readonly places: ReplicaPlaces;
  readonly logger: Logger;
}

const suffix = '.dwbundle';
/** So many bundles of one node are picked up at a time. */
const maxPickedUp = 64;

/**
 * Exchanges bundles through a folder: a share, or a medium that is carried. What is for a node lies
 * in a folder with its id, one file of each other node that the next one replaces.
 */
export class BundleFolder implements SyncChannel {
  readonly #options: BundleFolderOptions;

  constructor(options: BundleFolderOptions) {
    this.#options = options;
  }

  /**
   * Takes over what lies there of the other node, and leaves what that one lacks.
   *
   * @throws {@link DwError} `DW_REPLICATION_SYNC_FOLDER_NEEDED`, or why a bundle was refused: after
   *   what can be taken over was, and what is for the other node was written.
   */
  async run({ targetNodeId, scope, signal, onProgress }: SyncRun): Promise<SyncCounts> {
    const { folder } = this.#options;
    if (folder === undefined) throw replicationError('DW_REPLICATION_SYNC_FOLDER_NEEDED');
    const { counts, failure } = await this.#pickUp(folder, targetNodeId, signal, onProgress);
    await this.#leave(folder, targetNodeId, scope, signal);
    if (failure !== undefined) throw failure;
    return counts;
  }

  async #pickUp(
    folder: string,
    origin: string,
    signal: AbortSignal | undefined,
    onProgress: SyncRun['onProgress'],
  ): Promise<{ readonly counts: SyncCounts; readonly failure: DwError | undefined }> {
    const { nodeId, importer, trustedKey, logger } = this.#options;
    const inbox = join(folder, nodeId);
    let counts = noCounts;
    let failure: DwError | undefined;
    const names = await bundlesOf(inbox, origin);
    for (const [index, name] of names.entries()) {
      const path = join(inbox, name);
      try {
        const imported = await importer.import(path, {
          ...{ trustedKey, origin, signal },
          onProgress: (state, ratio) => {
            onProgress?.((index + (state === 'applying' ? ratio : 0)) / names.length);
          },
        });
        counts = addCounts(counts, imported);
        await rm(path, { force: true });
      } catch (error) {
        if (!DwError.is(error)) throw error;
        logger.error({ error, path }, 'a bundle was refused');
        failure ??= error;
        // One that another bundle has to come before may still be taken; the others never will.
        if (error.code !== 'DW_REPLICATION_BUNDLE_GAP') await rename(path, `${path}.refused`);
      }
    }
    return { counts, failure };
  }

  /** Writes what the other node has not confirmed: from its place in the log, or everything. */
  async #leave(
    folder: string,
    audience: string,
    scope: ExchangeScope,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { nodeId, places, bundleWriter } = this.#options;
    const outbox = join(folder, audience);
    await makeFolder(outbox);
    const isPart = scope.dataSetFilter !== undefined || scope.sinceMs !== undefined;
    const afterSequence = isPart ? undefined : places.followsFrom(audience);
    const part = join(outbox, `.${nodeId}.${randomUUID()}.part`);
    try {
      await using file = await open(part, 'wx');
      const request = { audience, ...scope, afterSequence, signal };
      for await (const piece of bundleWriter.write(request)) await file.writeFile(piece);
      await file.sync();
    } catch (error) {
      await rm(part, { force: true });
      throw error;
    }
    await rename(part, join(outbox, nodeId + suffix));
  }
}

/** The bundles in a folder that are named after a node; their names vouch for nothing. */
async function bundlesOf(folder: string, origin: string): Promise<readonly string[]> {
  let names: string[];
  try {
    names = await readdir(folder);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
  const found: { readonly name: string; readonly changedMs: number }[] = [];
  for (const name of names) {
    const isOfOrigin = name === origin + suffix || name.startsWith(`${origin}.`);
    if (!isOfOrigin || !name.endsWith(suffix)) continue;
    found.push({ name, changedMs: (await stat(join(folder, name))).mtimeMs });
  }
  found.sort((a, b) => a.changedMs - b.changedMs);
  return found.slice(0, maxPickedUp).map(({ name }) => name);
}
