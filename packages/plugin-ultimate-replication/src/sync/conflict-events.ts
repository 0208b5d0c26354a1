import type {
  ConflictResolution,
  ContentStore,
  Logger,
  PayloadReference,
  ReplicationConflict,
} from '@datawarehouse/sdk';
import type { ConflictEntry } from '../conflict/conflict-entry.js';
import { objectPath } from '../objects/object-name.js';
import type { ObjectTable } from '../objects/object-table.js';
import { compareVersions } from '../objects/object-version.js';
import type { ReplicationSync } from './replication-sync.js';

/** What {@link ConflictEvents} work with. */
export interface ConflictEventsOptions {
  /** Id of this node. */
  readonly nodeId: string;
  readonly table: ObjectTable;
  readonly content: ContentStore;
  readonly sync: Pick<ReplicationSync, 'hasListeners' | 'tellConflict'>;
  readonly logger: Logger;
}

/** Longest content that an event holds; of a longer one there are only the times. */
const maxValueBytes = 65_536;

const resolutions: ReadonlySet<string> = new Set<ConflictResolution>([
  ...(['localWins', 'remoteWins', 'latestWins', 'merge'] as const),
]);

/** Tells those who listen to synchronisation of the conflicts that were found and decided. */
export class ConflictEvents {
  readonly #options: ConflictEventsOptions;

  constructor(options: ConflictEventsOptions) {
    this.#options = options;
  }

  /** Tells of conflicts that the conflict log has taken up. */
  async tell(entries: readonly ConflictEntry[]): Promise<void> {
    const { sync, logger } = this.#options;
    if (!sync.hasListeners) return;
    for (const entry of entries) {
      try {
        sync.tellConflict(await this.#conflictOf(entry), resolutionOf(entry.resolver));
      } catch (error) {
        logger.warn({ error, conflict: entry.id }, 'a conflict could not be told');
      }
    }
  }

  async #conflictOf({ loser, winner }: ConflictEntry): Promise<ReplicationConflict> {
    const { table, nodeId } = this.#options;
    const versions = (await table.readForChange(objectPath(loser.namespace, loser.key))) ?? [];
    const kept = versions.find(({ version }) => compareVersions(version, winner) === 0);
    const discarded = {
      value: await this.#value(loser.payload),
      timestampMs: loser.updatedAtMs,
    };
    const other = {
      value: await this.#value(kept?.payload),
      timestampMs: kept?.updatedAtMs ?? winner.physicalMs,
    };
    const [local, remote] = winner.nodeId === nodeId ? [other, discarded] : [discarded, other];
    return {
      key: `${loser.namespace}/${loser.key}`,
      localValue: local.value,
      remoteValue: remote.value,
      localTimestampMs: local.timestampMs,
      remoteTimestampMs: remote.timestampMs,
    };
  }

  async #value(payload: PayloadReference | undefined): Promise<Uint8Array | undefined> {
    const { content } = this.#options;
    if (payload === undefined || payload.sizeBytes > maxValueBytes) return undefined;
    // What was discarded on arrival was never fetched.
    if (!(await content.has(payload))) return undefined;
    const pieces: Uint8Array[] = [];
    for await (const piece of content.open(payload)) pieces.push(piece);
    return Buffer.concat(pieces);
  }
}

function resolutionOf(resolver: string): ConflictResolution {
  return resolutions.has(resolver) ? (resolver as ConflictResolution) : 'custom';
}
