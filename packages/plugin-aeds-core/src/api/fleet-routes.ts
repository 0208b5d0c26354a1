import type { HttpRoute } from '@datawarehouse/sdk';
import { z } from 'zod';
import type { AedsCollections } from '../collections/aeds-collections.js';
import { clientStatusOf, TRUSTED_LEVEL, trustLevels } from '../collections/client-record.js';
import type { ChannelDirectory } from '../delivery/channel-directory.js';
import type { ClientDesk } from '../delivery/client-desk.js';
import type { Invitations } from '../enrolment/invitations.js';
import { channelIdSchema } from '../identity/identifiers.js';
import { lookupOf, pageSchema, parseRequest } from './parse-request.js';

const dayMs = 86_400_000;

const trustLevelSchema = z.union([
  z.int().min(TRUSTED_LEVEL).max(4),
  z.enum(trustLevels.slice(TRUSTED_LEVEL)).transform((name) => trustLevels.indexOf(name)),
]);

const channelBody = z.strictObject({
  channelId: channelIdSchema,
  name: z.string().min(1).max(100).exactOptional(),
  description: z.string().max(1000).exactOptional(),
  subscriptionType: z.enum(['mandatory', 'voluntary']).default('voluntary'),
  minTrustLevel: trustLevelSchema.default(TRUSTED_LEVEL),
});

const invitationBody = z.strictObject({
  expiresInMs: z
    .int()
    .min(60_000)
    .max(30 * dayMs)
    .default(dayMs),
});

const approvalBody = z.strictObject({ trustLevel: trustLevelSchema.default(TRUSTED_LEVEL) });

const clientsQuery = pageSchema.extend({
  status: z.enum(['pending', 'approved', 'revoked']).exactOptional(),
  /** Channels that clients have chosen; everybody is in mandatory ones. */
  channel: channelIdSchema.exactOptional(),
});

export interface FleetRoutesOptions {
  readonly collections: Pick<AedsCollections, 'clients' | 'channels'>;
  readonly directory: ChannelDirectory;
  readonly desk: ClientDesk;
  readonly invitations: Invitations;
}

/** What an operator does with channels and clients. */
export function fleetRoutes(options: FleetRoutesOptions): readonly HttpRoute[] {
  return [...channelRoutes(options), ...clientRoutes(options)];
}

function channelRoutes({ collections, directory }: FleetRoutesOptions): readonly HttpRoute[] {
  return [
    {
      method: 'GET',
      path: '/aeds/v1/channels',
      summary: 'Lists channels, by id.',
      handle: async ({ query }) => {
        const channels = await collections.channels.list(parseRequest(pageSchema, query));
        return { json: { channels } };
      },
    },
    {
      method: 'POST',
      path: '/aeds/v1/channels',
      summary: 'Makes a channel.',
      bodySchema: channelBody,
      handle: async ({ json }) => {
        const body = parseRequest(channelBody, json);
        return {
          status: 201,
          json: await directory.create({ ...body, name: body.name ?? body.channelId }),
        };
      },
    },
  ];
}

function clientRoutes({
  collections,
  desk,
  invitations,
}: FleetRoutesOptions): readonly HttpRoute[] {
  return [
    {
      method: 'GET',
      path: '/aeds/v1/clients',
      summary: 'Lists clients, by id; those of a status or a channel alone where one is given.',
      handle: async ({ query }) => {
        const { status, channel, ...page } = parseRequest(clientsQuery, query);
        const lookup = lookupOf({ status, channel });
        const { clients: records } = collections;
        const clients = await (lookup ? records.listBy(lookup, page) : records.list(page));
        return {
          json: {
            clients: clients.map((client) => ({ ...client, status: clientStatusOf(client) })),
          },
        };
      },
    },
    {
      method: 'POST',
      path: '/aeds/v1/clients/invitations',
      summary: 'Makes a one-time PIN with which a client can enrol.',
      bodySchema: invitationBody,
      handle: async ({ json }) => ({
        status: 201,
        json: await invitations.create(parseRequest(invitationBody, json).expiresInMs),
      }),
    },
    {
      method: 'POST',
      path: '/aeds/v1/clients/:id/approve',
      summary: 'Approves a client, or changes the trust level of an approved one.',
      bodySchema: approvalBody,
      handle: async ({ params, json }) => {
        const { trustLevel } = parseRequest(approvalBody, json);
        return { json: await desk.approve(params['id'] ?? '', trustLevel) };
      },
    },
    {
      method: 'POST',
      path: '/aeds/v1/clients/:id/revoke',
      summary: 'Takes a client out of the fleet, for good.',
      maxBodyBytes: 1024,
      handle: async ({ params }) => ({ json: await desk.revoke(params['id'] ?? '') }),
    },
  ];
}
