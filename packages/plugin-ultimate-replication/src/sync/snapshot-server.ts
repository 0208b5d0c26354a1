import type { WriteAheadLog } from '@datawarehouse/sdk';
import type { ObjectRecord } from '../objects/object-record.js';
import { statePath } from '../objects/object-state.js';
import type { ObjectTable } from '../objects/object-table.js';
import { type ExchangeScope, type LogState, logStateOf } from '../queue/peer-messages.js';
import { encodeEvent } from '../queue/replication-event.js';
import { compilePattern } from '../routing/route-pattern.js';
import type { StrategyRegistry } from '../strategies/strategy-registry.js';

/** What a {@link SnapshotServer} works with. */
export interface SnapshotServerOptions {
  readonly table: ObjectTable;
  readonly log: WriteAheadLog;
  readonly strategies: StrategyRegistry;
  /** Id of this node. */
  readonly nodeId: string;
}

/** Which page of which objects. */
export interface SnapshotRequest extends ExchangeScope {
  /** `next` of the page before. */
  readonly after?: string | undefined;
}

const maxPageBytes = 1_048_576;
const maxPageRecords = 1_000;
/** Bounds the time of a page where the scope leaves nearly everything out. */
const maxPageScans = 20_000;

/** Lists this node's objects for other nodes: the latest versions, tombstones among them. */
export class SnapshotServer {
  readonly #options: SnapshotServerOptions;

  constructor(options: SnapshotServerOptions) {
    this.#options = options;
  }

  /** Reads a page. The state of the log is the one from before the page was read. */
  async page(
    request: SnapshotRequest,
    signal?: AbortSignal,
  ): Promise<{
    readonly log: LogState;
    readonly events: readonly Uint8Array[];
    readonly next?: string;
  }> {
    const { table, log } = this.#options;
    const logState = logStateOf(log);
    const isWanted = this.#selector(request);
    const events: Uint8Array[] = [];
    let pageBytes = 0;
    let scanCount = 0;
    for await (const state of table.scanAll(request.after, signal)) {
      scanCount += 1;
      for (const event of state.filter(isWanted).map(encodeEvent)) {
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

  /** Tells whether a record may leave this node, and is asked for. */
  #selector({ dataSetFilter, sinceMs }: ExchangeScope): (record: ObjectRecord) => boolean {
    const pattern = dataSetFilter === undefined ? undefined : compilePattern(dataSetFilter);
    return (record) =>
      this.mayLeave(record) &&
      (sinceMs === undefined || record.version.physicalMs >= sinceMs) &&
      (pattern === undefined || pattern.matches(record.namespace));
  }

  /** Tells whether a record may leave this node. In doubt it may not. */
  mayLeave(record: ObjectRecord): boolean {
    const { strategies, nodeId } = this.#options;
    const strategy = strategies.find(record.strategy);
    if (strategy === undefined) return record.version.nodeId !== nodeId;
    return strategy.admission !== 'thisNodeOnly';
  }
}
