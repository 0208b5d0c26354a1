/** How a contender works. */
export interface ContenderSettings {
  readonly kind: 'ours' | 'bullmq' | 'graphile' | 'pgboss';
  /** Folder of its own: its data, and, for a peer, what npm has installed. */
  readonly folder: string;
  readonly jobCount: number;
  /** Jobs being enqueued at a time, and jobs being worked on at a time. */
  readonly inFlight: number;
  readonly port: number;
  /** Process of the server, whose work counts too. */
  readonly serverPid: number | undefined;
}

/** What came of it. */
export interface ContenderResult {
  readonly elapsedMs: number;
  /** Time of processors, of the process and of the server. */
  readonly cpuMs: number;
}

/** Something that takes jobs in and works them off. */
export interface Contender {
  /** Resolves when the job is acknowledged. */
  enqueue(index: number): Promise<unknown>;
  /** Resolves when so many jobs have been worked off. */
  completed(count: number): Promise<void>;
  close(): Promise<void>;
}

/** Counts what is done, and tells when it is enough. */
export class DoneCount {
  #count = 0;
  #wanted = Infinity;
  #resolve: () => void = () => undefined;

  add(): void {
    this.#count += 1;
    if (this.#count >= this.#wanted) this.#resolve();
  }

  async reached(count: number): Promise<void> {
    const wanted = new Promise<void>((resolve) => {
      this.#resolve = resolve;
    });
    this.#wanted = count;
    if (this.#count < count) await wanted;
    this.#count = 0;
    this.#wanted = Infinity;
  }
}

/** Calls again and again until all is done, so many calls at a time. */
export async function inFlight(
  count: number,
  width: number,
  call: (index: number) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await call(next++);
  };
  await Promise.all(Array.from({ length: Math.min(width, count) }, worker));
}
