import { DwError, type IPeerTransport, type Logger, type PeerRequest } from '@datawarehouse/sdk';
import type { ZodType } from 'zod';
import type { ReplicationCounters } from '../scaling/replication-counters.js';
import { FrameCompressor, unpackFrame } from './frame-compression.js';
import { decodePeerFrame, encodePeerFrame } from './peer-frame.js';

/** What services are offered with. */
export interface ServiceHost {
  readonly transport: IPeerTransport;
  readonly counters: ReplicationCounters;
  readonly logger: Logger;
}

/** What a service answers. */
export interface ServiceAnswer {
  readonly header: unknown;
  readonly attachments?: readonly Uint8Array[];
}

/** Codes for messages that no sound node sends. */
const refusals: ReadonlySet<string> = new Set([
  'DW_REPLICATION_INVALID_MESSAGE',
  'DW_REPLICATION_ORIGIN_MISMATCH',
]);

/** Offers a service whose requests have a head of a known shape. */
export function offerService<T>(
  host: ServiceHost,
  service: string,
  schema: ZodType<T>,
  handle: (header: T, request: PeerRequest) => ServiceAnswer | Promise<ServiceAnswer>,
): Disposable {
  // One for each service: what listings gain says nothing about contents.
  const compressor = new FrameCompressor();
  return handleCounted(host, service, async (request) => {
    const { header } = decodePeerFrame(await unpackFrame(request.body), schema);
    const answer = await handle(header, request);
    return await compressor.pack(encodePeerFrame(answer.header, answer.attachments));
  });
}

/** Counts and logs what is refused because of what it is. */
export function handleCounted(
  { transport, counters, logger }: ServiceHost,
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
