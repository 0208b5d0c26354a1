import {
  backpressureChangedTopic,
  type HttpRoute,
  type IPlugin,
  IScalableSubsystem,
  type PluginContext,
  type PluginHealth,
  SdkCompatibility,
} from '@datawarehouse/sdk';
import { type AedsServer, openServer } from './aeds-server.js';
import { AgentGate } from './api/agent-gate.js';
import { agentRoutes } from './api/agent-routes.js';
import { deliveryRoutes } from './api/delivery-routes.js';
import { fleetRoutes } from './api/fleet-routes.js';
import { jobRoutes } from './api/job-routes.js';
import { RequestAuthenticator } from './protocol/request-authenticator.js';

/** How often content that nobody refers to is removed, in milliseconds. */
const cleanUpMs = 3_600_000;

/** Distributes signed payloads to a fleet of clients, and knows what became of each. */
@SdkCompatibility('6.0.0')
export class AedsCorePlugin implements IPlugin {
  #context: PluginContext | undefined;
  #server: AedsServer | undefined;
  #cleanUp: Disposable | undefined;
  #reconciling: Promise<void> | undefined;
  #reading: Promise<void> | undefined;
  #hasLostSight = false;

  async initializeAsync(context: PluginContext): Promise<void> {
    const server = await openServer(context);
    this.#context = context;
    this.#server = server;
    context.services.provide(IScalableSubsystem, server.scaling);
    context.scope.own(
      server.gate.onDidChangeState((change) => {
        context.bus.publish(backpressureChangedTopic, change).catch((error: unknown) => {
          context.logger.warn({ error }, 'a change of backpressure could not be published');
        });
      }),
    );
    // Open polls end at once, so that nobody need wait for them.
    context.stopping.addEventListener('abort', () => {
      server.signals.close();
    });
    for (const route of routesOf(server, context)) context.routes.add(route);
  }

  async startAsync(): Promise<void> {
    const { engine, expiries } = this.#opened();
    engine.start();
    this.#reconcile();
    this.#readFleet();
    await expiries.wake();
    this.#scheduleCleanUp();
  }

  async stopAsync(deadline: AbortSignal): Promise<void> {
    this.#cleanUp?.[Symbol.dispose]();
    await this.#server?.engine.stop(deadline);
    await Promise.all([this.#reconciling, this.#reading]);
  }

  health(): PluginHealth {
    if (this.#hasLostSight || this.#server?.engine.statistics().hasLostSight === true) {
      return { status: 'degraded', reason: 'open jobs could not be taken up again; see the log' };
    }
    if (this.#server?.gate.state === 'shedding') {
      return { status: 'degraded', reason: 'the job queue is full' };
    }
    return { status: 'healthy' };
  }

  #readFleet(): void {
    const { fleet, context } = this.#opened();
    this.#reading = fleet.load(context.logger, context.stopping);
  }

  /** Looks after jobs that a crash has left half done, beside the work. */
  #reconcile(): void {
    const { dispatcher, context } = this.#opened();
    const { logger, stopping } = context;
    this.#reconciling = dispatcher.reconcile(stopping).catch((error: unknown) => {
      if (stopping.aborted) return;
      this.#hasLostSight = true;
      logger.error({ error }, 'open jobs could not all be taken up again; restart the node');
    });
  }

  #scheduleCleanUp(): void {
    const { content } = this.#opened();
    const { clock, logger, stopping } = this.#opened().context;
    this.#cleanUp = clock.setTimeout(() => {
      content
        .clean()
        .catch((error: unknown) => {
          if (!stopping.aborted) logger.warn({ error }, 'unused content could not be removed');
        })
        .finally(() => {
          if (!stopping.aborted) this.#scheduleCleanUp();
        });
    }, cleanUpMs);
  }

  #opened(): AedsServer & { readonly context: PluginContext } {
    if (this.#server === undefined || this.#context === undefined) {
      throw new TypeError('initializeAsync was not called');
    }
    return { ...this.#server, context: this.#context };
  }
}

function routesOf(server: AedsServer, { clock }: PluginContext): readonly HttpRoute[] {
  const { collections, directory, invitations, serverId, key, configuration } = server;
  const authenticator = new RequestAuthenticator({
    clients: collections.clients,
    audience: serverId,
    windowMs: configuration.requestWindowMs,
    clock,
  });
  return [
    ...fleetRoutes({ collections, directory, desk: server.clientDesk, invitations }),
    ...deliveryRoutes({
      publisher: server.publisher,
      dispatcher: server.dispatcher,
      jobs: server.jobView,
    }),
    ...jobRoutes(server.engine),
    ...agentRoutes({
      ...{ gate: new AgentGate({ authenticator, key, serverId }), collections, invitations },
      enrolment: server.enrolment,
      polls: server.polls,
      reports: server.reports,
      ledger: server.ledger,
      payloads: server.payloads,
    }),
  ];
}
