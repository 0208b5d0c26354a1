import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { contentError } from '../errors/content-errors.js';
import { digestBytes, hashChunks } from './digest-list.js';
import { CONTENT_CHUNK_BYTES } from './payload-reference.js';

/** Bytes of whole chunks; only the last slab of a stream ends with a shorter one. */
export interface Slab {
  /** Belongs to the slab alone. */
  readonly buffer: ArrayBuffer;
  readonly sizeBytes: number;
}

/** A slab, and the SHA-256 of each of its chunks, 32 bytes each. */
export interface HashedSlab extends Slab {
  readonly digests: Uint8Array;
}

interface Reply {
  readonly buffer: ArrayBuffer;
  readonly digests: Uint8Array;
}

interface Waiting {
  readonly sizeBytes: number;
  readonly resolve: (slab: HashedSlab) => void;
  readonly reject: (error: unknown) => void;
}

/** Slabs below this cost more to hand over than to hash. */
const minWorkerBytes = 512 * 1024;
/** Together with the caller's thread they hash faster than most disks write. Each costs 10 MiB. */
const maxDefaultWorkers = 2;
/** A worker that has this many slabs before it needs the caller's thread to help. */
const maxWaiting = 3;
/** Workers that have nothing to do for this long are ended. */
const idleMs = 10_000;

/** What a worker runs: text, so that it needs no file beside it when the package is bundled. */
const program = `
const { hash } = require('node:crypto');
const { parentPort } = require('node:worker_threads');
parentPort.on('message', ({ buffer, sizeBytes }) => {
  const count = Math.ceil(sizeBytes / ${CONTENT_CHUNK_BYTES});
  const digests = new Uint8Array(count * ${digestBytes});
  for (let index = 0; index < count; index += 1) {
    const start = index * ${CONTENT_CHUNK_BYTES};
    const chunk = new Uint8Array(buffer, start, Math.min(${CONTENT_CHUNK_BYTES}, sizeBytes - start));
    digests.set(hash('sha256', chunk, 'buffer'), index * ${digestBytes});
  }
  parentPort.postMessage({ buffer, digests }, [buffer, digests.buffer]);
});
`;

/** One worker; answers in the order it is asked. */
class HashWorker {
  readonly #worker = new Worker(program, {
    eval: true,
    // Its work needs next to no heap, and what a heap may grow to it grows to.
    resourceLimits: { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 16 },
  });
  readonly #waiting: Waiting[] = [];
  isBroken = false;

  constructor() {
    this.#worker.unref();
    this.#worker.on('message', (reply: Reply) => {
      const waiting = this.#waiting.shift();
      if (this.#waiting.length === 0) this.#worker.unref();
      waiting?.resolve({ ...reply, sizeBytes: waiting.sizeBytes });
    });
    this.#worker.on('error', (error) => {
      this.#break(error);
    });
    this.#worker.on('exit', () => {
      this.#break(contentError('DW_CONTENT_CLOSED'));
    });
  }

  get waitingCount(): number {
    return this.#waiting.length;
  }

  hash({ buffer, sizeBytes }: Slab): Promise<HashedSlab> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ sizeBytes, resolve, reject });
      this.#worker.ref();
      this.#worker.postMessage({ buffer, sizeBytes }, [buffer]);
    });
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }

  #break(error: unknown): void {
    this.isBroken = true;
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}

/** Hashes chunks: small slabs at once, large ones on worker threads where there is a second core. */
export class ContentHasher implements AsyncDisposable {
  readonly #workerCount: number;
  #workers: HashWorker[] = [];
  #idleTimer: NodeJS.Timeout | undefined;
  #isClosed = false;

  /** @param workerCount - 0 hashes everything in the caller's thread. */
  constructor(workerCount = defaultWorkerCount()) {
    this.#workerCount = workerCount;
  }

  /** Takes the slab's buffer away; the result has it, or another one with the same bytes. */
  async hash(slab: Slab): Promise<HashedSlab> {
    if (this.#isClosed) throw contentError('DW_CONTENT_CLOSED');
    const { buffer, sizeBytes } = slab;
    const worker = sizeBytes < minWorkerBytes ? undefined : this.#worker();
    if (worker === undefined || worker.waitingCount >= maxWaiting) {
      return { ...slab, digests: hashChunks(new Uint8Array(buffer, 0, sizeBytes)) };
    }
    try {
      return await worker.hash(slab);
    } finally {
      this.#endWhenIdle();
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Ends the workers. Slabs that still are with them are rejected. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#idleTimer);
    await this.#end();
  }

  /** The worker that has least to do; one more as long as all have something. */
  #worker(): HashWorker | undefined {
    if (this.#workerCount === 0) return undefined;
    this.#workers = this.#workers.filter((worker) => !worker.isBroken);
    const [first, ...others] = this.#workers;
    let least = first;
    for (const worker of others) {
      if (worker.waitingCount < (least?.waitingCount ?? 0)) least = worker;
    }
    if (least !== undefined) {
      if (least.waitingCount === 0 || this.#workers.length >= this.#workerCount) return least;
    }
    const started = new HashWorker();
    this.#workers.push(started);
    return started;
  }

  #endWhenIdle(): void {
    clearTimeout(this.#idleTimer);
    if (this.#isClosed) return;
    this.#idleTimer = setTimeout(() => {
      if (this.#workers.every(({ waitingCount }) => waitingCount === 0)) void this.#end();
    }, idleMs).unref();
  }

  async #end(): Promise<void> {
    const workers = this.#workers;
    this.#workers = [];
    await Promise.all(workers.map((worker) => worker.end()));
  }
}

/** A thread of its own is faster only where it has a core of its own: one is the caller's. */
function defaultWorkerCount(): number {
  return Math.min(availableParallelism() - 1, maxDefaultWorkers);
}
