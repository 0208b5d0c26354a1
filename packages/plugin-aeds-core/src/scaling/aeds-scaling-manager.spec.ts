import { IScalableSubsystem } from '@datawarehouse/sdk';
import { createTestPluginContext, scalableSubsystemConformance } from '@datawarehouse/sdk/testing';
import { describe, it } from 'vitest';
import { AedsCorePlugin } from '../aeds-core-plugin.js';
import { openCollections } from '../collections/aeds-collections.js';
import { sampleClient } from '../testing/samples.js';

describe('AedsScalingManager', () => {
  scalableSubsystemConformance({
    test: it,
    open: async () => {
      const context = createTestPluginContext();
      const { clients } = openCollections(context.store);
      const client = sampleClient();
      await clients.create(client.clientId, client);
      const plugin = new AedsCorePlugin();
      await plugin.initializeAsync(context);
      const manager = context.services.get(IScalableSubsystem);
      return Object.assign(manager, {
        [Symbol.asyncDispose]: () => context[Symbol.asyncDispose](),
      });
    },
  });
});
