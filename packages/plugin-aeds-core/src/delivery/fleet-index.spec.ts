import { silentLogger } from '@datawarehouse/sdk';
import { MemoryBackingStore } from '@datawarehouse/sdk/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openCollections } from '../collections/aeds-collections.js';
import { sampleClient } from '../testing/samples.js';
import { FleetIndex } from './fleet-index.js';
import { resolveTargets } from './target-resolver.js';

const never = new AbortController().signal;
const channels = ['a', 'b', 'all'] as const;

describe('FleetIndex', () => {
  it('answers as the store does, whatever has changed before, while and after it read', async () => {
    const change = fc.record({
      client: fc.nat(4),
      trustLevel: fc.integer({ min: 0, max: 4 }),
      capabilities: fc.nat(127),
      subscribedChannels: fc.subarray(['a', 'b', 'c']),
      isApproved: fc.boolean(),
    });
    const changes = fc.array(change, { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(
        changes,
        changes,
        fc.subarray([...channels], { minLength: 1 }),
        async (first, then, targets) => {
          const collections = openCollections(new MemoryBackingStore());
          for (const channelId of channels) {
            const subscriptionType = channelId === 'all' ? 'mandatory' : 'voluntary';
            const record = { channelId, name: 'x', subscriptionType, minTrustLevel: 2 } as const;
            await collections.channels.create(channelId, { ...record, createdAt: 0 });
          }
          const people = Array.from({ length: 5 }, () => sampleClient());
          const apply = async ({ client, isApproved, ...rest }: (typeof first)[number]) => {
            const { approvedAt, ...person } = { ...(people[client] ?? sampleClient()), ...rest };
            const record = {
              ...person,
              ...(isApproved && approvedAt !== undefined && { approvedAt }),
            };
            if (await collections.clients.create(record.clientId, record)) return;
            await collections.clients.update(record.clientId, () => record);
          };
          for (const one of first) await apply(one);
          using fleet = new FleetIndex(collections.clients);
          const reading = fleet.load(silentLogger, never);
          for (const one of then) await apply(one);
          await reading;
          for (const one of then) await apply({ ...one, client: (one.client + 1) % 5 });
          const addressings = [
            { action: 'notify', deliveryMode: 'broadcast', targets },
            {
              action: 'passive',
              deliveryMode: 'multicast',
              targets: [],
              criteria: { capabilities: 5, minTrustLevel: 2 },
            },
          ] as const;
          for (const addressing of addressings) {
            const request = { ...addressing, targets: [...addressing.targets] };
            const found = await resolveTargets(request, { ...collections, fleet });
            const expected = await resolveTargets(request, collections);
            expect([...found.clientIds].sort()).toEqual([...expected.clientIds].sort());
            const unfit = ({ unfit: list }: typeof found) =>
              list.map(({ clientId, reason }) => `${clientId} ${reason}`).sort();
            expect(unfit(found)).toEqual(unfit(expected));
          }
        },
      ),
      { numRuns: 100 },
    );
  });

  it('lets the store answer where clients are too many', async () => {
    const { clients } = openCollections(new MemoryBackingStore());
    using fleet = new FleetIndex(clients, 2);
    await fleet.load(silentLogger, never);
    expect(fleet.isWhole).toBe(true);
    for (let count = 0; count < 3; count += 1) {
      const client = sampleClient();
      await clients.create(client.clientId, client);
    }
    expect([fleet.isWhole, fleet.size]).toEqual([false, 2]);
  });
});
