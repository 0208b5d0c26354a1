import { type Clock, systemClock } from '@datawarehouse/sdk';
import { type HostParts, openHostParts } from './composition/host-container.js';
import { type HostInputs, HostState } from './composition/host-state.js';
import type { HostConfiguration } from './configuration/host-configuration.js';
import { createHostLogger, type HostLogger } from './logging/host-logger.js';
import type { PluginStatus } from './running/plugin-status.js';
import { guardProcess, type ProcessGuardOptions } from './running/process-guard.js';
import { ResourceStack } from './running/resource-stack.js';

/** Options of {@link Host.start}. */
export interface HostOptions {
  /** Default: a log on standard error, as configured. */
  readonly logger?: HostLogger;
  readonly clock?: Clock;
  /**
   * Whether errors that a plugin leaves uncaught anywhere in the process are logged, instead of
   * ending it. Default: `false`.
   */
  readonly guardsProcess?: boolean;
  /** Gives the start up: what was opened is closed, and the start rejects with the reason. */
  readonly signal?: AbortSignal | undefined;
}

/** A running node. */
export class Host implements AsyncDisposable {
  readonly nodeId: string;
  /** Address of the API, such as `http://127.0.0.1:7080`. */
  readonly endpoint: string;
  /** Access token of the API. */
  readonly token: string;
  readonly #parts: HostParts;
  readonly #state: HostState;
  readonly #inputs: HostInputs;
  #stopping: Promise<void> | undefined;

  private constructor(parts: HostParts, state: HostState, inputs: HostInputs) {
    this.nodeId = parts.identity.nodeId;
    this.endpoint = state.endpoint;
    this.token = parts.token;
    this.#parts = parts;
    this.#state = state;
    this.#inputs = inputs;
  }

  /**
   * Starts a node: data directory, store, identity, cluster, plugins, API. A plugin that fails is
   * left out, unless it is required. What was opened is closed again where the start fails.
   *
   * @throws DwError `DW_HOST_DATA_DIRECTORY`, `DW_STORE_LOCKED`, `DW_HOST_PORT_IN_USE`, what is
   *   wrong with a required plugin, or another of the store's, the cluster's or the host's.
   */
  static async start(configuration: HostConfiguration, options: HostOptions = {}): Promise<Host> {
    const { clock = systemClock, logger = createHostLogger(configuration.log) } = options;
    const resources = new ResourceStack({ owner: 'the host', clock });
    const { signal } = options;
    const inputs: HostInputs = { configuration, logger, clock, resources, signal };
    const state = new HostState(clock);
    let parts: HostParts | undefined;
    // Owned first and so closed last: a plugin can also throw while it stops.
    if (options.guardsProcess === true) guard(() => parts?.plugins.folders() ?? [], state, inputs);
    try {
      parts = await openHostParts(inputs, state);
      await run(parts, state, inputs);
      return new Host(parts, state, inputs);
    } catch (error) {
      state.beginStop(configuration.timeouts.stopMs);
      await resources.close().catch((left: unknown) => {
        logger.error({ error: left }, 'the host could not close what it had opened');
      });
      throw error;
    }
  }

  /** All plugins that the configuration names, and how they are. */
  plugins(): readonly PluginStatus[] {
    return this.#parts.plugins.statuses();
  }

  /**
   * Drains and stops everything in reverse order, and goes on past failures.
   *
   * @param options.graceMs - Time for an orderly end. Default: `timeouts.stopMs`.
   * @throws AggregateError of what did not close.
   */
  stop(options: { readonly graceMs?: number } = {}): Promise<void> {
    this.#stopping ??= this.#stop(options.graceMs ?? this.#inputs.configuration.timeouts.stopMs);
    return this.#stopping;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #stop(graceMs: number): Promise<void> {
    const { logger, resources } = this.#inputs;
    logger.info('the node stops');
    this.#state.beginStop(graceMs);
    await resources.close();
    logger.info('the node has stopped');
  }
}

/** Brings an opened host to where it serves. */
async function run(parts: HostParts, state: HostState, inputs: HostInputs): Promise<void> {
  const { dataDirectory, identity, cluster, scaling, server, plugins } = parts;
  const { configuration, logger, resources, signal } = inputs;
  // What an earlier run that was killed left behind would lead the command line astray.
  await dataDirectory.removeNodeFile();
  await plugins.load(configuration.plugins, configuration.directory);
  await plugins.initialize();
  for (const subsystem of scaling.unknownConfigured()) {
    logger.warn(
      { subsystem },
      `the configuration sets limits of ${subsystem}, which nobody provides`,
    );
  }
  signal?.throwIfAborted();
  state.endpoint = await server.listen();
  resources.own({ [Symbol.asyncDispose]: () => dataDirectory.removeNodeFile() });
  await dataDirectory.writeNodeFile({
    nodeId: identity.nodeId,
    endpoint: state.endpoint,
    pid: process.pid,
    startedAt: new Date(state.startedAtMs).toISOString(),
  });
  cluster.start();
  state.isAnnounced = true;
  await plugins.start();
  state.isReady = true;
  const running = plugins.statuses().filter((plugin) => plugin.state === 'running');
  logger.info(
    { nodeId: identity.nodeId, endpoint: state.endpoint, plugins: running.map(({ id }) => id) },
    'the node is ready',
  );
}

/** Time beyond `timeouts.stopMs` after which a failed node ends, whatever is still open. */
const forcedEndMs = 5_000;

function guard(
  plugins: ProcessGuardOptions['plugins'],
  state: HostState,
  { configuration, logger, resources, clock }: HostInputs,
): void {
  const { stopMs } = configuration.timeouts;
  const end = (): void => process.exit(1);
  const onDidFail = (): void => {
    logger.error('the error is no plugin’s, so that the state of the node is unknown: it ends');
    state.beginStop(stopMs);
    clock.setTimeout(end, stopMs + forcedEndMs);
    resources.close().then(end, (error: unknown) => {
      logger.error({ error }, 'the host could not close what it had opened');
      end();
    });
  };
  resources.own(guardProcess({ logger, plugins, onDidFail }));
}
