import type { WriteAheadLog } from '@datawarehouse/sdk';
import type { ObjectRecord } from '../objects/object-record.js';
import { statePath } from '../objects/object-state.js';
import type { ObjectTable } from '../objects/object-table.js';
import { type LogState, logStateOf } from '../queue/peer-messages.js';
import { encodeEvent } from '../queue/replication-event.js';
import type { StrategyRegistry } from '../strategies/strategy-registry.js';

/** What a {@link SnapshotServer} works with. */
export interface SnapshotServerOptions {
  readonly table: ObjectTable;
  readonly log: WriteAheadLog;
  readonly strategies: StrategyRegistry;
  /** Id of this node. */
  readonly nodeId: string;
}

const maxPageBytes = 1_048_576;
const maxPageRecords = 1_000;
/** Bounds the time of a page where nearly nothing may leave. */
const maxPageScans = 20_000;

/** Lists this node's objects for other nodes: the latest versions, tombstones among them. */
export class SnapshotServer {
  readonly #options: SnapshotServerOptions;

  constructor(options: SnapshotServerOptions) {
    this.#options = options;
  }

  /**
   * Reads a page. The state of the log is the one from before the page was read.
   *
   * @param after - `next` of the page before.
   */
  async page(
    after: string | undefined,
    signal?: AbortSignal,
  ): Promise<{
    readonly log: LogState;
    readonly events: readonly Uint8Array[];
    readonly next?: string;
  }> {
    const { table, log } = this.#options;
    const logState = logStateOf(log);
    const events: Uint8Array[] = [];
    let pageBytes = 0;
    let scanCount = 0;
    for await (const state of table.scanAll(after, signal)) {
      scanCount += 1;
      const visible = state.filter((record) => this.mayLeave(record));
      for (const event of visible.map(encodeEvent)) {
        events.push(event);
        pageBytes += event.byteLength;
      }
      const isFull = pageBytes >= maxPageBytes || events.length >= maxPageRecords;
      if (isFull || scanCount >= maxPageScans) {
        return { log: logState, events, next: statePath(state) };
      }
    }
    return { log: logState, events };
  }

  /** Tells whether a record may leave this node. In doubt it may not. */
  mayLeave(record: ObjectRecord): boolean {
    const { strategies, nodeId } = this.#options;
    const strategy = strategies.find(record.strategy);
    if (strategy === undefined) return record.version.nodeId !== nodeId;
    return strategy.admission !== 'thisNodeOnly';
  }
}
