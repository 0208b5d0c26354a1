import type { Clock, Logger, WriteAheadLog } from '@datawarehouse/sdk';
import { encodeEvent } from '../queue/replication-event.js';
import type { StrategyRegistry } from '../strategies/strategy-registry.js';
import type { HybridClock } from './hybrid-clock.js';
import type { ObjectRecord } from './object-record.js';
import { contextOf, type ObjectState } from './object-state.js';
import type { ObjectTable } from './object-table.js';
import { compareVersions } from './object-version.js';
import type { StateChanges } from './state-changes.js';
import { boundVector } from './version-vector.js';

/** What a {@link ConflictSettler} works with. */
export interface ConflictSettlerOptions {
  readonly nodeId: string;
  readonly log: WriteAheadLog;
  readonly table: ObjectTable;
  readonly changes: StateChanges;
  readonly versions: HybridClock;
  readonly strategies: StrategyRegistry;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Settles concurrent versions where the resolver prefers those of this node, or those of others: by
 * a further version, which has seen them all and beside which the latest wins. So when two nodes
 * settle at once, the later of their two versions stays, and nobody writes a third.
 */
export class ConflictSettler {
  readonly #options: ConflictSettlerOptions;

  constructor(options: ConflictSettlerOptions) {
    this.#options = options;
  }

  /** Settles an object, if this node is to. A failure leaves the latest version to be read. */
  async settle(path: string): Promise<void> {
    try {
      await this.#options.table.lock([path], () => this.#settle(path));
    } catch (error) {
      this.#options.logger.warn({ error, path }, 'concurrent versions could not be settled');
    }
  }

  async #settle(path: string): Promise<void> {
    const { table, strategies, nodeId, changes, versions, log, clock } = this.#options;
    const before = await table.readForChange(path);
    const resolver = before && strategies.resolverOf(before[0].strategy);
    const kept = before && preferredOf(before, nodeId, resolver?.prefers);
    if (before === undefined || resolver === undefined || kept === undefined) return;
    const losers = before.filter(({ payload }) => payload?.digest !== kept.payload?.digest);
    const version = versions.next(before[0].version);
    const record: ObjectRecord = {
      ...kept,
      ...{ version, context: boundVector(contextOf(before)), floor: version },
      updatedAtMs: clock.now(),
    };
    const discarded = losers.map((loser) => ({ loser, winner: record, isHere: true }));
    const planned = changes.plan({
      ...{ path, before, after: [record], staged: [], resolver: resolver.name },
      findings: { discarded, besideCount: 0, settledCount: 0 },
    });
    const operations = [...planned.operations, table.clockOperation(versions.last)];
    await log.append(encodeEvent(record), { operations });
    await changes.noteSettled(planned);
  }
}

/** Which of the versions a node is to let stand, if it is for that node to say. */
export function preferredOf(
  state: ObjectState,
  nodeId: string,
  prefers: 'local' | 'remote' | undefined,
): ObjectRecord | undefined {
  if (prefers === undefined || state.length < 2) return undefined;
  // One of them has settled already, or was written where the latest wins: the latest does.
  if (state.some(({ version, floor }) => floor && compareVersions(version, floor) === 0)) {
    return undefined;
  }
  const isOwn = ({ version }: ObjectRecord): boolean => version.nodeId === nodeId;
  const own = state.find(isOwn);
  if (own === undefined) return undefined;
  return prefers === 'local' ? own : state.find((record) => !isOwn(record));
}
