import { CONTENT_CHUNK_BYTES, type ConcurrencyLimit, LinkedAbort } from '@datawarehouse/sdk';
import { aedsError } from '../errors/aeds-errors.js';
import { ChunkPlan, type ChunkRun, type Payload, runsOf } from './chunk-plan.js';
import { PartFile } from './part-file.js';
import type { TransferSettings } from './transfer-tuner.js';

/** How often a run is fetched before wrong bytes count as the server's last word. */
const maxFetches = 3;

/** Where the bytes of one payload come from. Nothing of it is believed. */
export interface PayloadSource {
  /** Digests of all chunks, lower-case hexadecimal. */
  chunkDigests(signal: AbortSignal): Promise<readonly string[]>;
  /** Bytes of the payload from `start` up to, and without, `end`. */
  read(start: number, end: number, signal: AbortSignal): Promise<Uint8Array>;
}

export interface VerifiedDownloadOptions {
  readonly payload: Payload;
  readonly source: PayloadSource;
  /** Folder of this download alone. */
  readonly quarantine: string;
  /** Asked again before each request. */
  readonly settings: () => TransferSettings;
  /** Bounds the requests of all downloads together. */
  readonly requests: ConcurrencyLimit;
  /** Told how many bytes are there and verified. */
  readonly onProgress: (bytes: number) => void;
  readonly signal: AbortSignal;
}

/**
 * Fetches a payload into quarantine: in parallel ranges, each chunk verified before it is written,
 * what an earlier attempt left not fetched again, and the whole checked at the end.
 *
 * @returns Path of the complete, synced file.
 * @throws DwError `DW_AEDS_PAYLOAD_MISMATCH`, `DW_AEDS_DISK_FULL`, `DW_AEDS_FILE_IO`, or what the
 *   source throws.
 */
export async function downloadVerified(options: VerifiedDownloadOptions): Promise<string> {
  const { payload, source, signal } = options;
  const digests = payload.chunkHashes ?? (await source.chunkDigests(signal));
  const plan = new ChunkPlan(payload, digests);
  const part = await PartFile.open(options.quarantine, plan);
  try {
    const missing = await part.missingChunks(signal);
    const missingBytes = plan.bytesOf(missing);
    await part.assertRoomFor(missingBytes);
    await fetchAll(options, { plan, part, missing, doneBytes: plan.sizeBytes - missingBytes });
    await part.finish(payload.contentHash, signal);
    return part.path;
  } finally {
    await part[Symbol.asyncDispose]();
  }
}

interface Progress {
  readonly plan: ChunkPlan;
  readonly part: PartFile;
  readonly missing: readonly number[];
  readonly doneBytes: number;
}

/** Fetches what is missing with as many workers as there may be requests; the first failure stops them all. */
async function fetchAll(options: VerifiedDownloadOptions, progress: Progress): Promise<void> {
  const { settings, onProgress } = options;
  const { plan, part, missing } = progress;
  const runs = runsOf(missing, () =>
    Math.max(1, Math.floor(settings().chunkSizeBytes / CONTENT_CHUNK_BYTES)),
  );
  let doneBytes = progress.doneBytes;
  onProgress(doneBytes);
  using failing = new LinkedAbort(options.signal);
  const { signal } = failing;
  const work = async (worker: number): Promise<void> => {
    while (worker < settings().maxConcurrentChunks) {
      signal.throwIfAborted();
      const run = runs.next().value;
      if (run === undefined) return;
      const data = await fetchRun(options, plan, run, signal);
      await part.write(run, data);
      doneBytes += data.byteLength;
      onProgress(doneBytes);
    }
  };
  const workers = Array.from({ length: settings().maxConcurrentChunks }, (_, worker) =>
    work(worker).catch((error: unknown) => {
      failing.abort(error);
      throw error;
    }),
  );
  await Promise.allSettled(workers);
  signal.throwIfAborted();
}

async function fetchRun(
  { source, requests, payload }: VerifiedDownloadOptions,
  plan: ChunkPlan,
  run: ChunkRun,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const { start, end } = plan.rangeOf(run);
  for (let fetched = 0; fetched < maxFetches; fetched += 1) {
    const data = await requests.run(() => source.read(start, end, signal), { signal });
    if (plan.isRun(run, data)) return data;
  }
  throw aedsError('DW_AEDS_PAYLOAD_MISMATCH', {
    details: { payloadId: payload.payloadId, start, end },
  });
}
