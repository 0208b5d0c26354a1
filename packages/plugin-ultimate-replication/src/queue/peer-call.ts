import type { IPeerTransport } from '@datawarehouse/sdk';
import type { ZodType } from 'zod';
import { type FrameCompressor, unpackFrame } from './frame-compression.js';
import { decodePeerFrame, encodePeerFrame, type PeerFrame } from './peer-frame.js';

/** A call of another node's service. */
export interface PeerCall<THeader> {
  readonly nodeId: string;
  readonly service: string;
  readonly header: unknown;
  /** Shape of the answer's header. */
  readonly schema: ZodType<THeader>;
  readonly attachments?: readonly Uint8Array[] | undefined;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** Calls a service of another node, and checks the shape of its answer. */
export async function callPeer<THeader>(
  transport: IPeerTransport,
  compressor: FrameCompressor,
  call: PeerCall<THeader>,
): Promise<PeerFrame<THeader>> {
  const { nodeId, service, header, schema, attachments, timeoutMs, signal } = call;
  const body = await compressor.pack(encodePeerFrame(header, attachments));
  const answer = await transport.call(nodeId, service, body, {
    timeoutMs,
    ...(signal && { signal }),
  });
  return decodePeerFrame(await unpackFrame(answer), schema);
}
