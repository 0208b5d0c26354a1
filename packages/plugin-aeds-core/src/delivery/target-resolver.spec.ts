import { silentLogger } from '@datawarehouse/sdk';
import { ManualClock, MemoryBackingStore } from '@datawarehouse/sdk/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { type AedsCollections, openCollections } from '../collections/aeds-collections.js';
import type { ClientRecord } from '../collections/client-record.js';
import { sampleClient } from '../testing/samples.js';
import { ChannelDirectory } from './channel-directory.js';
import { FleetIndex } from './fleet-index.js';
import { type Addressing, resolveTargets } from './target-resolver.js';

describe.each(['from the store', 'from memory'])('resolveTargets %s', (source) => {
  let collections: AedsCollections;
  let directory: ChannelDirectory;

  beforeEach(async () => {
    collections = openCollections(new MemoryBackingStore());
    directory = await ChannelDirectory.open(collections.channels, new ManualClock());
    const channel = { name: 'x', subscriptionType: 'voluntary', minTrustLevel: 2 } as const;
    await directory.create({ ...channel, channelId: 'stable' });
    await directory.create({ ...channel, channelId: 'secret', minTrustLevel: 3 });
    await directory.create({ ...channel, channelId: 'all', subscriptionType: 'mandatory' });
  });

  const add = async (changes: Partial<ClientRecord> = {}): Promise<string> => {
    const client = sampleClient(changes);
    await collections.clients.create(client.clientId, client);
    return client.clientId;
  };
  const resolve = async (changes: Partial<Addressing>): ReturnType<typeof resolveTargets> => {
    const addressing: Addressing = {
      action: 'passive',
      deliveryMode: 'broadcast',
      targets: ['stable'],
    };
    using fleet = new FleetIndex(collections.clients);
    if (source === 'from memory') await fleet.load(silentLogger, new AbortController().signal);
    expect(fleet.isWhole).toBe(source === 'from memory');
    return await resolveTargets({ ...addressing, ...changes }, { ...collections, fleet });
  };

  it('reaches the approved subscribers of a channel', async () => {
    const subscriber = await add();
    await add({ subscribedChannels: [] });
    const { approvedAt, ...pending } = sampleClient();
    expect(approvedAt).toBeDefined();
    await collections.clients.create(pending.clientId, pending);
    await add({ revokedAt: 1, trustLevel: 0 });
    expect(await resolve({})).toEqual({ clientIds: [subscriber], unfit: [] });
  });

  it('reaches every approved client in a mandatory channel', async () => {
    const clientIds = [await add(), await add({ subscribedChannels: [] })].sort();
    expect(await resolve({ targets: ['all'] })).toEqual({ clientIds, unfit: [] });
  });

  it('reaches a client once, however many of its channels are meant', async () => {
    const clientId = await add();
    expect((await resolve({ targets: ['stable', 'all'] })).clientIds).toEqual([clientId]);
  });

  it('counts trust in a broadcast', async () => {
    const clientId = await add({ subscribedChannels: ['secret'] });
    const trusted = await add({ subscribedChannels: ['secret'], trustLevel: 3 });
    expect(await resolve({ targets: ['secret'] })).toEqual({
      clientIds: [trusted],
      unfit: [{ clientId, reason: 'trust' }],
    });
  });

  it('counts capabilities in every mode', async () => {
    const clientId = await add({ capabilities: 1 });
    const unfit = { clientIds: [], unfit: [{ clientId, reason: 'capability' }] };
    const notify = { action: 'notify' } as const;
    expect(await resolve({ ...notify })).toEqual(unfit);
    expect(await resolve({ ...notify, deliveryMode: 'unicast', targets: [clientId] })).toEqual(
      unfit,
    );
    const criteria = { capabilities: 1, minTrustLevel: 2 };
    expect(await resolve({ ...notify, deliveryMode: 'multicast', targets: [], criteria })).toEqual(
      unfit,
    );
  });

  it('counts approval and trust in a unicast too', async () => {
    const revoked = await add({ revokedAt: 1 });
    const distrusted = await add({ trustLevel: 1 });
    const fit = await add();
    const stranger = sampleClient().clientId;
    const targets = [revoked, distrusted, fit, stranger];
    expect(await resolve({ deliveryMode: 'unicast', targets })).toEqual({
      clientIds: [fit],
      unfit: [
        { clientId: revoked, reason: 'revoked' },
        { clientId: distrusted, reason: 'trust' },
        { clientId: stranger, reason: 'unknown' },
      ],
    });
  });

  it('reaches by criteria whoever meets all of them', async () => {
    await add({ capabilities: 1 });
    await add({ trustLevel: 2, capabilities: 35 });
    const clientId = await add({ trustLevel: 3, capabilities: 35 });
    const criteria = { capabilities: 33, minTrustLevel: 3 };
    const found = await resolve({ deliveryMode: 'multicast', targets: [], criteria });
    expect(found.clientIds).toEqual([clientId]);
  });

  it('refuses a channel that is not there', async () => {
    await expect(resolve({ targets: ['stabel'] })).rejects.toMatchObject({
      code: 'DW_AEDS_CHANNEL_UNKNOWN',
    });
  });

  it('tells a client the channels that it is in', async () => {
    const client = sampleClient({ subscribedChannels: ['stable', 'secret', 'gone'] });
    expect(await directory.channelsOf(client)).toEqual(['all', 'stable']);
    expect(await directory.channelsOf({ ...client, trustLevel: 3 })).toEqual([
      'all',
      'secret',
      'stable',
    ]);
  });
});
