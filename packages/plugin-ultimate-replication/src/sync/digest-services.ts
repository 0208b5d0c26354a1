import type { PeerRequest } from '@datawarehouse/sdk';
import type { ZodType } from 'zod';
import { offerService, type ServiceAnswer, type ServiceHost } from '../queue/offer-service.js';
import {
  childrenSchema,
  digestServices,
  leavesSchema,
  placeSchema,
  recordsSchema,
  rootsSchema,
} from './digest-messages.js';
import type { DigestServer } from './digest-server.js';
import type { TreeExchange } from './tree-exchange.js';

/** What the services work with. */
export interface DigestServicesOptions extends ServiceHost {
  readonly digests: DigestServer;
  readonly exchange: TreeExchange;
}

/** Offers other nodes what finding and exchanging differences asks of this one. */
export function offerDigestServices(options: DigestServicesOptions): readonly Disposable[] {
  const { digests, exchange } = options;
  const offer = <T>(
    service: string,
    schema: ZodType<T>,
    handle: (header: T, request: PeerRequest) => Promise<ServiceAnswer>,
  ): Disposable => offerService(options, service, schema, handle);
  return [
    offer(digestServices.roots, rootsSchema, async (request) => {
      const { nodes, ...header } = await digests.roots(request);
      return { header, attachments: [nodes] };
    }),
    offer(digestServices.children, childrenSchema, async ({ namespace, prefixes }) => ({
      header: {},
      attachments: await digests.children(namespace, prefixes),
    })),
    offer(digestServices.leaves, leavesSchema, async (request, { signal }) => {
      const { namespace, prefixes, after } = request;
      const { digests: data, ...header } = await digests.leaves(namespace, prefixes, after, signal);
      return { header, attachments: [data] };
    }),
    offer(digestServices.records, recordsSchema, async ({ namespace, keys, sinceMs }) => {
      const { doneCount, events } = await digests.records(namespace, keys, sinceMs);
      return { header: { doneCount }, attachments: events };
    }),
    offer(digestServices.place, placeSchema, async ({ timeMs }) => ({
      header: await digests.place(timeMs),
    })),
    offer(digestServices.fetch, recordsSchema, async (request, { from, signal }) => ({
      header: await exchange.fetch(from, request, signal),
    })),
  ];
}
