import type { IPeerTransport, PeerCallOptions, PeerHandler } from '@datawarehouse/sdk';
import { hostError } from '../errors/host-errors.js';
import type { ResourceStack } from './resource-stack.js';

/** The peer transport as one plugin sees it: what it offers ends with the plugin. */
export class PluginPeerTransport implements IPeerTransport {
  readonly #transport: IPeerTransport;
  readonly #pluginId: string;
  readonly #scope: ResourceStack;
  readonly #stopping: AbortSignal;

  constructor(
    transport: IPeerTransport,
    options: {
      readonly pluginId: string;
      readonly scope: ResourceStack;
      /** From then on requests are refused, and their senders told to try again. */
      readonly stopping: AbortSignal;
    },
  ) {
    this.#transport = transport;
    this.#pluginId = options.pluginId;
    this.#scope = options.scope;
    this.#stopping = options.stopping;
  }

  call(
    nodeId: string,
    service: string,
    body: Uint8Array,
    options?: PeerCallOptions,
  ): Promise<Uint8Array> {
    return this.#transport.call(nodeId, service, body, options);
  }

  handle(service: string, handler: PeerHandler): Disposable {
    const guarded: PeerHandler = async (request) => {
      if (this.#stopping.aborted) {
        throw hostError('DW_PLUGIN_NOT_RUNNING', {
          message: `Plugin ${this.#pluginId} is stopping on this node`,
          details: { pluginId: this.#pluginId },
        });
      }
      return handler(request);
    };
    return this.#scope.lend(this.#transport.handle(service, guarded));
  }
}
