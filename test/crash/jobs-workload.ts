import { type IPersistentBackingStore, storePath } from '@datawarehouse/sdk';

/** How a process works on jobs. */
export interface JobsSettings {
  readonly directory: string;
  readonly reportFile: string;
  readonly life: number;
  readonly callers: number;
  readonly partitionCount: number;
  /** Nothing new: runs what is left, and ends. */
  readonly isDraining: boolean;
}

/** Attempts that run at a time. */
export const maxRunning = 32;

/** Where a job counts how often its work was done. */
export function resultPath(jobId: string): string {
  return storePath('crash', 'results', jobId);
}

/** Where the jobs of a key note the last of them. */
export function linePath(key: string): string {
  return storePath('crash', 'lines', key);
}

/** Reads a number of the store; 0 where there is none. */
export async function readCount(store: IPersistentBackingStore, path: string): Promise<number> {
  const data = await store.read(path);
  return data === undefined ? 0 : Number(Buffer.from(data).toString());
}

/** A job's place in its line: the life of the process that enqueued it, and its index there. */
export function placeOf(data: unknown): number {
  const [life, index] = data as readonly [number, number];
  return life * 1_000_000 + index;
}
