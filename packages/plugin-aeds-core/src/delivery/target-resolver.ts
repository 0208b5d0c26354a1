import type { AedsCollections } from '../collections/aeds-collections.js';
import type { ChannelRecord } from '../collections/channel-record.js';
import { isSubscribed } from '../collections/channel-record.js';
import {
  type ClientRecord,
  capabilityFor,
  clientStatusOf,
  TRUSTED_LEVEL,
} from '../collections/client-record.js';
import { aedsError } from '../errors/aeds-errors.js';
import type { IntentManifest } from '../manifests/intent-manifest.js';

/** What of a manifest decides whom it reaches. */
export type Addressing = Pick<IntentManifest, 'action' | 'deliveryMode' | 'targets'> & {
  readonly criteria?: { readonly capabilities: number; readonly minTrustLevel: number };
};

/** A client that is meant but may not receive. */
export interface UnfitClient {
  readonly clientId: string;
  readonly reason: 'unknown' | 'pending' | 'revoked' | 'capability' | 'trust';
}

/** Whom a manifest reaches. */
export interface ResolvedTargets {
  readonly clientIds: readonly string[];
  readonly unfit: readonly UnfitClient[];
}

type Collections = Pick<AedsCollections, 'clients' | 'channels'>;

/**
 * Finds the clients that a manifest reaches. Approval, trust and capability count in every mode.
 *
 * @throws DwError `DW_AEDS_CHANNEL_UNKNOWN`.
 */
export async function resolveTargets(
  addressing: Addressing,
  collections: Collections,
  signal?: AbortSignal,
): Promise<ResolvedTargets> {
  if (addressing.deliveryMode === 'unicast') return await resolveNamed(addressing, collections);
  const audience = await audienceOf(addressing, collections);
  const clientIds: string[] = [];
  const unfit: UnfitClient[] = [];
  for await (const client of collections.clients.all()) {
    signal?.throwIfAborted();
    const minTrustLevel = audience(client);
    if (minTrustLevel === undefined) continue;
    const reason = unfitness(client, addressing, minTrustLevel);
    if (reason === undefined) clientIds.push(client.clientId);
    else unfit.push({ clientId: client.clientId, reason });
  }
  return { clientIds, unfit };
}

async function resolveNamed(
  addressing: Addressing,
  { clients }: Collections,
): Promise<ResolvedTargets> {
  const found = await Promise.all(
    addressing.targets.map(async (clientId) => {
      const client = await clients.get(clientId);
      return {
        clientId,
        reason: client ? unfitness(client, addressing, TRUSTED_LEVEL) : ('unknown' as const),
      };
    }),
  );
  return {
    clientIds: found.filter(({ reason }) => reason === undefined).map(({ clientId }) => clientId),
    unfit: found.flatMap(({ clientId, reason }) => (reason ? [{ clientId, reason }] : [])),
  };
}

/** Tells of a client the trust that it needs, or `undefined` where it is not meant at all. */
async function audienceOf(
  addressing: Addressing,
  { channels }: Collections,
): Promise<(client: ClientRecord) => number | undefined> {
  const { criteria, deliveryMode, targets } = addressing;
  if (deliveryMode === 'multicast') {
    const { capabilities, minTrustLevel } = criteria ?? {
      capabilities: 0,
      minTrustLevel: Infinity,
    };
    return (client) =>
      clientStatusOf(client) === 'approved' &&
      client.trustLevel >= minTrustLevel &&
      hasAll(client.capabilities, capabilities)
        ? minTrustLevel
        : undefined;
  }
  const meant: ChannelRecord[] = [];
  for (const channelId of targets) {
    const channel = await channels.get(channelId);
    if (channel === undefined) {
      throw aedsError('DW_AEDS_CHANNEL_UNKNOWN', { details: { channelId } });
    }
    meant.push(channel);
  }
  return (client) => {
    const levels = meant
      .filter((channel) => isSubscribed(client, channel))
      .map(({ minTrustLevel }) => minTrustLevel);
    return levels.length === 0 ? undefined : Math.min(...levels);
  };
}

/** Why a client may not receive what is meant for it; `undefined` where it may. */
function unfitness(
  client: ClientRecord,
  { action }: Addressing,
  minTrustLevel: number,
): UnfitClient['reason'] | undefined {
  const status = clientStatusOf(client);
  if (status !== 'approved') return status;
  if (client.trustLevel < Math.max(TRUSTED_LEVEL, minTrustLevel)) return 'trust';
  return hasAll(client.capabilities, capabilityFor(action)) ? undefined : 'capability';
}

function hasAll(bits: number, wanted: number): boolean {
  return (bits & wanted) === wanted;
}
