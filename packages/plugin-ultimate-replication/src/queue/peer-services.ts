import {
  type ContentStore,
  DwError,
  type IPeerTransport,
  type Logger,
  type PeerRequest,
} from '@datawarehouse/sdk';
import type { ZodType } from 'zod';
import { objectPath } from '../objects/object-name.js';
import type { ObjectTable } from '../objects/object-table.js';
import { type ForwardedWrites, forwardSchema } from '../primary/forwarded-writes.js';
import type { ReplicaRemoval } from '../replicas/replica-removal.js';
import type { ReplicationCounters } from '../scaling/replication-counters.js';
import type { Resynchroniser } from '../sync/resynchroniser.js';
import type { SnapshotServer } from '../sync/snapshot-server.js';
import type { EventReceiver } from './event-receiver.js';
import { FrameCompressor, unpackFrame } from './frame-compression.js';
import { decodePeerFrame, encodePeerFrame } from './peer-frame.js';
import {
  chunkListSchema,
  chunksSchema,
  currentSchema,
  forgetSchema,
  MAX_DIGESTS_PER_CALL,
  type Ping,
  pingSchema,
  pullSchema,
  services,
  snapshotSchema,
} from './peer-messages.js';
import { encodeEvent } from './replication-event.js';

/** What the services of this node work with. */
export interface PeerServicesOptions {
  readonly transport: IPeerTransport;
  readonly receiver: EventReceiver;
  readonly content: ContentStore;
  readonly table: ObjectTable;
  readonly snapshots: SnapshotServer;
  readonly resynchroniser: Resynchroniser;
  readonly removal: ReplicaRemoval;
  readonly counters: ReplicationCounters;
  readonly logger: Logger;
  readonly forwarded: ForwardedWrites;
  /** Takes note of another node's ping, and answers it. */
  readonly onPing: (from: string, ping: Ping) => Ping;
}

interface Answer {
  readonly header: unknown;
  readonly attachments?: readonly Uint8Array[];
}

/** Offers other nodes what replication asks of them. */
export function offerPeerServices(options: PeerServicesOptions): readonly Disposable[] {
  const { receiver, onPing, removal } = options;
  const offer = <T>(
    service: string,
    schema: ZodType<T>,
    handle: (header: T, request: PeerRequest) => Answer | Promise<Answer>,
  ): Disposable => {
    // One for each service: what listings gain says nothing about contents.
    const compressor = new FrameCompressor();
    return handleCounted(options, service, async (request) => {
      const { header } = decodePeerFrame(await unpackFrame(request.body), schema);
      const answer = await handle(header, request);
      return await compressor.pack(encodePeerFrame(answer.header, answer.attachments));
    });
  };
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

/** Codes for messages that no sound node sends. */
const refusals: ReadonlySet<string> = new Set([
  'DW_REPLICATION_INVALID_MESSAGE',
  'DW_REPLICATION_ORIGIN_MISMATCH',
]);

/** Counts and logs what is refused because of what it is. */
function handleCounted(
  { transport, counters, logger }: PeerServicesOptions,
  service: string,
  handle: (request: PeerRequest) => Promise<Uint8Array>,
): Disposable {
  return transport.handle(service, async (request) => {
    try {
      return await handle(request);
    } catch (error) {
      if (DwError.is(error) && refusals.has(error.code)) {
        counters.refusedMessages += 1;
        logger.warn({ error, service, from: request.from }, 'a message of a node was refused');
      }
      throw error;
    }
  });
}

type Offer = <T>(
  service: string,
  schema: ZodType<T>,
  handle: (header: T, request: PeerRequest) => Answer | Promise<Answer>,
) => Disposable;

function offerContents(offer: Offer, options: PeerServicesOptions): readonly Disposable[] {
  const { content, table, snapshots, resynchroniser, forwarded } = options;
  return [
    offer(services.forward, forwardSchema, async (forward, request) => ({
      header: await forwarded.take(forward, request),
    })),
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
    offer(services.snapshot, snapshotSchema, async (request, { signal }) => {
      const { log, next, events } = await snapshots.page(request, signal);
      return { header: { log, next }, attachments: events };
    }),
    offer(services.pull, pullSchema, async (scope, { from, signal }) => {
      const pulled = await resynchroniser.pull(from, scope, signal);
      const { changedCount, conflictCount, refusedCount } = pulled;
      return { header: { changedCount, conflictCount, refusedCount } };
    }),
  ];
}
