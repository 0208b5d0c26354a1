import { silentLogger } from '@datawarehouse/sdk';
import { MemoryBackingStore } from '@datawarehouse/sdk/testing';
import { type BenchRow, boundedRow } from '../support/benchmark.js';
import { median } from '../support/contenders.js';
import { loadBuilt } from '../support/peer.js';

const clientCount = 100_000;

interface Clients {
  create(id: string, value: object): Promise<boolean>;
}
interface Collections {
  readonly clients: Clients;
  readonly channels: Clients;
}
type Index = new (
  clients: Clients,
) => { load(logger: object, signal: AbortSignal): Promise<void>; readonly size: number };

const { openCollections } = await loadBuilt<{
  openCollections(store: MemoryBackingStore): Collections;
}>('plugin-aeds-core/dist/collections/aeds-collections.js');
const { FleetIndex } = await loadBuilt<{ readonly FleetIndex: Index }>(
  'plugin-aeds-core/dist/delivery/fleet-index.js',
);
const { resolveTargets } = await loadBuilt<{
  resolveTargets(
    addressing: object,
    sources: object,
  ): Promise<{ readonly clientIds: readonly string[] }>;
}>('plugin-aeds-core/dist/delivery/target-resolver.js');

/** How long it takes to find the clients of a channel. */
export async function audience(runs: number): Promise<BenchRow[]> {
  const collections = openCollections(new MemoryBackingStore());
  const channel = { channelId: 'stable', name: 'stable', subscriptionType: 'voluntary' };
  await collections.channels.create('stable', { ...channel, minTrustLevel: 2, createdAt: 0 });
  const fleet = new FleetIndex(collections.clients);
  await fleet.load(silentLogger, new AbortController().signal);
  for (let index = 0; index < clientCount; index += 1) {
    const clientId = String(index).padStart(20, '0');
    await collections.clients.create(clientId, {
      ...{ clientId, name: 'client', publicKey: '', trustLevel: 2, capabilities: 3 },
      ...{ registeredAt: 0, approvedAt: 0, subscribedChannels: ['stable'] },
    });
  }
  const addressing = { action: 'passive', deliveryMode: 'broadcast', targets: ['stable'] };
  const times: number[] = [];
  for (let run = 0; run < 2 * runs + 3; run += 1) {
    const startedMs = performance.now();
    const { clientIds } = await resolveTargets(addressing, { ...collections, fleet });
    if (run >= 3) times.push(performance.now() - startedMs);
    if (clientIds.length !== clientCount) throw new Error(`${clientIds.length} were found`);
  }
  const name = '100,000 clients of a channel resolve';
  return [boundedRow({ name, value: median(times), unit: 'ms' }, 10)];
}
