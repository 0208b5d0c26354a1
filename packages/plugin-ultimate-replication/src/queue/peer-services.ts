import type { ContentStore, PeerRequest } from '@datawarehouse/sdk';
import type { ZodType } from 'zod';
import { objectPath } from '../objects/object-name.js';
import type { ObjectTable } from '../objects/object-table.js';
import type { ReplicaRemoval } from '../replicas/replica-removal.js';
import type { SnapshotServer } from '../sync/snapshot-server.js';
import type { EventReceiver } from './event-receiver.js';
import {
  handleCounted,
  offerService,
  type ServiceAnswer,
  type ServiceHost,
} from './offer-service.js';
import { encodePeerFrame } from './peer-frame.js';
import {
  chunkListSchema,
  chunksSchema,
  currentSchema,
  forgetSchema,
  MAX_DIGESTS_PER_CALL,
  type Ping,
  pingSchema,
  services,
  snapshotSchema,
} from './peer-messages.js';
import { encodeEvent } from './replication-event.js';

/** What the services of this node work with. */
export interface PeerServicesOptions extends ServiceHost {
  readonly receiver: EventReceiver;
  readonly content: ContentStore;
  readonly table: ObjectTable;
  readonly snapshots: SnapshotServer;
  readonly removal: ReplicaRemoval;
  /** Takes note of another node's ping, and answers it. */
  readonly onPing: (from: string, ping: Ping) => Ping;
}

/** Offers other nodes what replication asks of them. */
export function offerPeerServices(options: PeerServicesOptions): readonly Disposable[] {
  const { receiver, onPing, removal } = options;
  const offer: Offer = (service, schema, handle) => offerService(options, service, schema, handle);
  return [
    handleCounted(options, services.apply, async (request) =>
      encodePeerFrame(await receiver.receive(request)),
    ),
    offer(services.ping, pingSchema, (ping, { from }) => ({
      header: { v: 1, ...onPing(from, ping) },
    })),
    offer(services.forget, forgetSchema, async ({ nodeId }) => {
      await removal.forget(nodeId);
      return { header: {} };
    }),
    ...offerContents(offer, options),
  ];
}

type Offer = <T>(
  service: string,
  schema: ZodType<T>,
  handle: (header: T, request: PeerRequest) => ServiceAnswer | Promise<ServiceAnswer>,
) => Disposable;

function offerContents(offer: Offer, options: PeerServicesOptions): readonly Disposable[] {
  const { content, table, snapshots } = options;
  return [
    offer(services.chunks, chunksSchema, async ({ digests }) => ({
      header: {},
      attachments: await Promise.all(digests.map((digest) => content.readChunk(digest))),
    })),
    offer(services.chunkList, chunkListSchema, async ({ payload, offset }) => {
      const digests = await content.chunkDigests(payload);
      const page = digests.slice(offset, offset + MAX_DIGESTS_PER_CALL);
      return { header: {}, attachments: [Buffer.from(page.join(''), 'hex')] };
    }),
    offer(services.current, currentSchema, async ({ namespace, key }) => {
      const state = (await table.readForChange(objectPath(namespace, key))) ?? [];
      const given = state.filter((record) => snapshots.mayLeave(record));
      return { header: {}, attachments: given.map(encodeEvent) };
    }),
    offer(services.snapshot, snapshotSchema, async ({ after }, { signal }) => {
      const { log, next, events } = await snapshots.page(after, signal);
      return { header: { log, next }, attachments: events };
    }),
  ];
}
