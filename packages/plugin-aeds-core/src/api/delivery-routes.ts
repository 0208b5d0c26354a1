import type { HttpRoute } from '@datawarehouse/sdk';
import { z } from 'zod';
import { jobStatuses } from '../collections/job-record.js';
import type { Dispatcher } from '../delivery/dispatcher.js';
import type { JobView } from '../delivery/job-view.js';
import type { PublicationRequest, Publisher } from '../delivery/publisher.js';
import { channelIdSchema } from '../identity/identifiers.js';
import { manifestActions } from '../manifests/intent-manifest.js';
import { lookupOf, pageSchema, parseRequest } from './parse-request.js';

const yearMs = 365 * 86_400_000;

const idList = z
  .string()
  .max(65_536)
  .transform((text) => [...new Set(text.split(',').map((id) => id.trim()))])
  .pipe(z.array(z.string().min(1).max(64)).min(1).max(1000));

const publicationQuery = z
  .strictObject({
    /** Channel ids, separated by commas: a broadcast. */
    channel: idList.exactOptional(),
    /** Client ids, separated by commas: a unicast. */
    client: idList.exactOptional(),
    /** Bits that a client must have, and the least trust: a multicast. */
    capabilities: z.coerce.number().int().min(0).max(127).exactOptional(),
    minTrustLevel: z.coerce.number().int().min(0).max(4).exactOptional(),
    name: z.string().min(1).max(1000),
    contentType: z.string().min(1).max(200).default('application/octet-stream'),
    action: z.enum(manifestActions).default('passive'),
    notificationTier: z.enum(['silent', 'toast', 'modal']).default('silent'),
    priority: z.coerce.number().int().min(0).max(100).default(50),
    expiresInMs: z.coerce.number().int().min(1000).max(yearMs).exactOptional(),
  })
  .refine(
    ({ channel, client, minTrustLevel }) =>
      [channel, client, minTrustLevel].filter((given) => given !== undefined).length === 1,
    'give exactly one of channel, client and minTrustLevel',
  );

const jobsQuery = pageSchema.extend({
  status: z.enum(jobStatuses).exactOptional(),
  channel: channelIdSchema.exactOptional(),
});

export interface DeliveryRoutesOptions {
  readonly publisher: Publisher;
  readonly dispatcher: Dispatcher;
  readonly jobs: JobView;
}

/** What an operator does with payloads and jobs. */
export function deliveryRoutes(options: DeliveryRoutesOptions): readonly HttpRoute[] {
  const { publisher, dispatcher, jobs } = options;
  return [
    {
      method: 'POST',
      path: '/aeds/v1/publications',
      summary: 'Publishes the body as a payload to channels, clients or whoever meets criteria.',
      handle: async ({ query, body, contentLength, signal }) => {
        const request = {
          ...addressed(parseRequest(publicationQuery, query)),
          ...(contentLength !== undefined && { announcedBytes: contentLength }),
        };
        return { status: 201, json: await publisher.publish(request, body, signal) };
      },
    },
    {
      method: 'GET',
      path: '/aeds/v1/jobs',
      summary:
        'Lists jobs, the latest first; those of a status or a channel alone if one is given.',
      handle: async ({ query }) => {
        const { status, channel, ...page } = parseRequest(jobsQuery, query);
        return { json: { jobs: await jobs.list(page, lookupOf({ status, channel })) } };
      },
    },
    {
      method: 'GET',
      path: '/aeds/v1/jobs/:id',
      summary: 'Shows a job with where each of its targets stands, by client id.',
      handle: async ({ params, query }) => ({
        json: await jobs.show(params['id'] ?? '', parseRequest(pageSchema, query)),
      }),
    },
    {
      method: 'POST',
      path: '/aeds/v1/jobs/:id/cancel',
      summary: 'Cancels a job for every target that has not applied it yet.',
      maxBodyBytes: 1024,
      handle: async ({ params, query }) => {
        const id = params['id'] ?? '';
        await dispatcher.cancel(id);
        return { json: await jobs.show(id, parseRequest(pageSchema, query)) };
      },
    },
  ];
}

function addressed(query: z.output<typeof publicationQuery>): PublicationRequest {
  const { channel, client, capabilities = 0, minTrustLevel = 0, ...rest } = query;
  if (channel !== undefined) return { ...rest, deliveryMode: 'broadcast', targets: channel };
  if (client !== undefined) return { ...rest, deliveryMode: 'unicast', targets: client };
  const criteria = { capabilities, minTrustLevel };
  return { ...rest, deliveryMode: 'multicast', targets: [], criteria };
}
