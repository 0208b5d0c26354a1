import type { SyncChannel, SyncCounts, SyncRun } from './sync-channel.js';
import type { TreeExchange } from './tree-exchange.js';

/** Exchanges what differs over the network. */
export class OnlineChannel implements SyncChannel {
  readonly #exchange: TreeExchange;

  constructor(exchange: TreeExchange) {
    this.#exchange = exchange;
  }

  run({ targetNodeId, ...rest }: SyncRun): Promise<SyncCounts> {
    return this.#exchange.run({ nodeId: targetNodeId, direction: 'both', ...rest });
  }
}
