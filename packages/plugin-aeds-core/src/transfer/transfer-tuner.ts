import { availableParallelism, totalmem } from 'node:os';
import { type Clock, CONTENT_CHUNK_BYTES, type ScalingLimits } from '@datawarehouse/sdk';

/** Samples older than this say nothing about the network of now. */
const windowMs = 30_000;
const maxSamples = 1000;
/** What one request should take, by the plan's rule. */
const chunkTimeMs = 100;
const maxChunkBytes = 16 * 1024 * 1024;
const memoryShare = 0.1;

interface Sample {
  readonly atMs: number;
  readonly bytes: number;
  readonly durationMs: number;
}

/** How payloads should be fetched now. */
export interface TransferSettings {
  /** Bytes of one request: a multiple of the verified chunk of 64 KiB. */
  readonly chunkSizeBytes: number;
  readonly maxConcurrentChunks: number;
}

/** Measures the throughput of transfers, and derives from it how the next ones should go. */
export class TransferTuner {
  readonly #clock: Clock;
  readonly #samples: Sample[] = [];
  #chunkCount = 0;
  #byteCount = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Requests served since the start. */
  get chunksProcessed(): number {
    return this.#chunkCount;
  }

  get bytesProcessed(): number {
    return this.#byteCount;
  }

  record(bytes: number, durationMs: number): void {
    this.#chunkCount += 1;
    this.#byteCount += bytes;
    this.#samples.push({ atMs: this.#clock.monotonicMs(), bytes, durationMs });
    this.#forgetOld();
  }

  /** Bytes a second of one stream, over the last half minute; 0 where nothing was transferred. */
  throughputBytesPerSec(): number {
    this.#forgetOld();
    const bytes = this.#samples.reduce((sum, sample) => sum + sample.bytes, 0);
    const durationMs = this.#samples.reduce((sum, sample) => sum + sample.durationMs, 0);
    return durationMs <= 0 ? 0 : (bytes * 1000) / durationMs;
  }

  settings(limits: ScalingLimits): TransferSettings {
    const wanted = (this.throughputBytesPerSec() * chunkTimeMs) / 1000;
    const chunks = Math.floor(Math.min(maxChunkBytes, wanted) / CONTENT_CHUNK_BYTES);
    const chunkSizeBytes = Math.max(1, chunks) * CONTENT_CHUNK_BYTES;
    const memoryBytes = Math.min(usableMemory() * memoryShare, limits.maxMemoryBytes);
    const concurrent = Math.min(
      Math.floor(memoryBytes / chunkSizeBytes),
      4 * availableParallelism(),
      limits.maxConcurrentOperations,
    );
    return { chunkSizeBytes, maxConcurrentChunks: Math.max(1, concurrent) };
  }

  #forgetOld(): void {
    const oldest = this.#clock.monotonicMs() - windowMs;
    const kept = this.#samples.findIndex(({ atMs }) => atMs >= oldest);
    const tooMany = this.#samples.length - maxSamples;
    this.#samples.splice(0, Math.max(kept === -1 ? this.#samples.length : kept, tooMany, 0));
  }
}

/** Memory of the machine, or of the container where that is less. */
function usableMemory(): number {
  const constrained = process.constrainedMemory();
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
}
