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
import type { FleetIndex, FleetMember } from './fleet-index.js';

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

/** Where clients and channels are found. */
export interface TargetSources extends Pick<AedsCollections, 'clients' | 'channels'> {
  /** Answers at once where it knows every client. Default: all of them are read. */
  readonly fleet?: FleetIndex;
}

/**
 * Finds the clients that a manifest reaches. Approval, trust and capability count in every mode.
 *
 * @throws DwError `DW_AEDS_CHANNEL_UNKNOWN`.
 */
export async function resolveTargets(
  addressing: Addressing,
  sources: TargetSources,
  signal?: AbortSignal,
): Promise<ResolvedTargets> {
  if (addressing.deliveryMode === 'unicast') return await resolveNamed(addressing, sources);
  const audience = await audienceOf(addressing, sources);
  const clientIds: string[] = [];
  const unfit: UnfitClient[] = [];
  const judge = (member: FleetMember, minTrustLevel: number): void => {
    const reason = unfitness(member, addressing, minTrustLevel);
    if (reason === undefined) clientIds.push(member.clientId);
    else unfit.push({ clientId: member.clientId, reason });
  };
  if (sources.fleet?.isWhole === true) {
    if (audience.channels !== undefined) sources.fleet.forAudience(audience.channels, judge);
    else for (const member of sources.fleet.members()) judgeMeant(member, audience, judge);
    return { clientIds, unfit };
  }
  for await (const client of sources.clients.all()) {
    signal?.throwIfAborted();
    if (audience.channels === undefined) judgeMeant(memberOf(client), audience, judge);
    else judgeSubscribed(client, audience.channels, judge);
  }
  return { clientIds, unfit };
}

type Judge = (member: FleetMember, minTrustLevel: number) => void;

/** Those who are meant: the approved clients of channels, or whoever has what criteria ask for. */
type Audience =
  | { readonly channels: readonly ChannelRecord[] }
  | {
      readonly channels?: undefined;
      readonly capabilities: number;
      readonly minTrustLevel: number;
    };

function judgeMeant(
  member: FleetMember,
  { capabilities, minTrustLevel }: Exclude<Audience, { readonly channels: object }>,
  judge: Judge,
): void {
  const isMeant =
    member.status === 'approved' &&
    member.trustLevel >= minTrustLevel &&
    hasAll(member.capabilities, capabilities);
  if (isMeant) judge(member, minTrustLevel);
}

function judgeSubscribed(
  client: ClientRecord,
  channels: readonly ChannelRecord[],
  judge: Judge,
): void {
  const levels = channels
    .filter((channel) => isSubscribed(client, channel))
    .map(({ minTrustLevel }) => minTrustLevel);
  if (levels.length > 0) judge(memberOf(client), Math.min(...levels));
}

function memberOf(client: ClientRecord): FleetMember {
  const { clientId, trustLevel, capabilities } = client;
  return { clientId, trustLevel, capabilities, status: clientStatusOf(client) };
}

async function resolveNamed(
  addressing: Addressing,
  { clients }: TargetSources,
): Promise<ResolvedTargets> {
  const found = await Promise.all(
    addressing.targets.map(async (clientId) => {
      const client = await clients.get(clientId);
      return {
        clientId,
        reason: client
          ? unfitness(memberOf(client), addressing, TRUSTED_LEVEL)
          : ('unknown' as const),
      };
    }),
  );
  return {
    clientIds: found.filter(({ reason }) => reason === undefined).map(({ clientId }) => clientId),
    unfit: found.flatMap(({ clientId, reason }) => (reason ? [{ clientId, reason }] : [])),
  };
}

async function audienceOf(
  { criteria, deliveryMode, targets }: Addressing,
  { channels }: TargetSources,
): Promise<Audience> {
  if (deliveryMode === 'multicast') {
    return criteria ?? { capabilities: 0, minTrustLevel: Infinity };
  }
  const meant: ChannelRecord[] = [];
  for (const channelId of targets) {
    const channel = await channels.get(channelId);
    if (channel === undefined) {
      throw aedsError('DW_AEDS_CHANNEL_UNKNOWN', { details: { channelId } });
    }
    meant.push(channel);
  }
  return { channels: meant };
}

/** Why a client may not receive what is meant for it; `undefined` where it may. */
function unfitness(
  client: FleetMember,
  { action }: Addressing,
  minTrustLevel: number,
): UnfitClient['reason'] | undefined {
  if (client.status !== 'approved') return client.status;
  if (client.trustLevel < Math.max(TRUSTED_LEVEL, minTrustLevel)) return 'trust';
  return hasAll(client.capabilities, capabilityFor(action)) ? undefined : 'capability';
}

function hasAll(bits: number, wanted: number): boolean {
  return (bits & wanted) === wanted;
}
