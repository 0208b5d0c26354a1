import {
  backpressureChangedTopic,
  type IPlugin,
  IReplicationSync,
  IScalableSubsystem,
  type PluginContext,
  type PluginHealth,
  SdkCompatibility,
  type Topic,
} from '@datawarehouse/sdk';
import { bundleRoutes } from './api/bundle-routes.js';
import { conflictRoutes } from './api/conflict-routes.js';
import { deadLetterRoutes } from './api/dead-letter-routes.js';
import { objectRoutes } from './api/object-routes.js';
import { replicaRoutes } from './api/replica-routes.js';
import { routingRoutes } from './api/routing-routes.js';
import { syncRoutes } from './api/sync-routes.js';
import { parseReplicationConfig } from './configuration.js';
import { ContentJanitor } from './objects/content-janitor.js';
import { IReplicatedObjectStore } from './objects/object-store-contract.js';
import { offerPeerServices } from './queue/peer-services.js';
import { replicaTruncatedTopic } from './replicas/replica-topics.js';
import { openReplicationParts, type ReplicationParts } from './replication-parts.js';
import { strategyRoutingTopic } from './routing/strategy-routing-topic.js';
import { offerDigestServices } from './sync/digest-services.js';

/** Replicates namespaced objects between nodes, each name under its own strategy. */
@SdkCompatibility('6.0.0')
export class UltimateReplicationPlugin implements IPlugin {
  #parts: ReplicationParts | undefined;
  #janitor: ContentJanitor | undefined;

  async initializeAsync(context: PluginContext): Promise<void> {
    const parts = await openReplicationParts(context, parseReplicationConfig(context.config));
    this.#parts = parts;
    const { content, conflicts } = parts;
    this.#janitor = new ContentJanitor({
      ...{ content, clock: context.clock, logger: context.logger },
      expire: () => conflicts.expire(),
    });
    context.services.provide(IScalableSubsystem, parts.scaling);
    context.services.provide(IReplicatedObjectStore, parts.objects);
    context.services.provide(IReplicationSync, parts.sync);
    for (const route of [
      ...objectRoutes(parts.objects),
      ...conflictRoutes(conflicts, parts.objects),
      ...routingRoutes(parts.router, parts.strategies),
      ...replicaRoutes({ ...parts, nodeId: context.node.nodeId }),
      ...deadLetterRoutes(parts.deadLetters, parts.letterRetry),
      ...syncRoutes(parts),
      ...bundleRoutes(parts),
    ]) {
      context.routes.add(route);
    }
    this.#listen(context, parts);
    // Before the first write, so that the log holds it for every replica.
    context.scope.own(await parts.registry.open());
    const onPing = parts.links.answerPing.bind(parts.links);
    const host = { ...parts, onPing, logger: context.logger };
    const services = [...offerPeerServices(host), ...offerDigestServices(host)];
    for (const service of services) context.scope.own(service);
  }

  async startAsync(): Promise<void> {
    this.#parts?.links.start();
    this.#janitor?.start();
    this.#parts?.schedule.start();
    this.#parts?.hybrid.start();
  }

  async stopAsync(): Promise<void> {
    // What replicas have yet to get is in the log, and goes out after the next start.
    this.#parts?.confirmations[Symbol.dispose]();
    await Promise.all([
      this.#parts?.links.stop(),
      this.#parts?.schedule.stop(),
      this.#parts?.hybrid.stop(),
      this.#parts?.resynchroniser.stop(),
      this.#janitor?.stop(),
    ]);
  }

  health(): PluginHealth {
    const inactive = (this.#parts?.registry.list() ?? []).filter(({ isActive }) => !isActive);
    if (inactive.length === 0) return { status: 'healthy' };
    const ids = inactive.map(({ nodeId }) => nodeId).join(', ');
    return { status: 'degraded', reason: `Replicas do not answer: ${ids}` };
  }

  #listen({ bus, scope, logger }: PluginContext, parts: ReplicationParts): void {
    const { router, log, gate, counters } = parts;
    const publish = <T>(topic: Topic<T>, data: T): void => {
      bus.publish(topic, data).catch((error: unknown) => {
        logger.warn({ error, topic: topic.name }, 'an event could not be published');
      });
    };
    bus.subscribe(
      strategyRoutingTopic,
      async ({ data }) => {
        const { routes, defaultStrategy } = await router.apply(data);
        logger.info({ routeCount: routes.length, defaultStrategy }, 'routes changed by message');
      },
      { name: 'replication' },
    );
    scope.own(
      log.onDidTruncate(({ consumerId, firstSequence }) => {
        counters.truncations += 1;
        logger.warn({ replica: consumerId, firstSequence }, 'replica fell behind the log');
        publish(replicaTruncatedTopic, { nodeId: consumerId, firstSequence });
      }),
    );
    scope.own(gate.onDidChangeState((change) => publish(backpressureChangedTopic, change)));
  }
}
