import {
  type BackingStoreOperation,
  type IPersistentBackingStore,
  storePathSegments,
} from '@datawarehouse/sdk';
import { z } from 'zod';
import { decodeRecord, encodeRecord } from '../collections/record-codec.js';
import { workPaths, workPrefixes } from './job-paths.js';

/** Records that running jobs are spread over by slot. */
const shardCount = 8;

const shardSchema = z.array(z.tuple([z.string(), z.int().min(0), z.int().min(1), z.int().min(0)]));

/** A job that runs: its attempt is counted here until its end is stored with the job. */
export interface OwnedJob {
  readonly jobId: string;
  readonly slot: number;
  readonly starts: number;
  readonly startedAt: number;
}

/**
 * What runs now, in a few records. Each is written once for all attempts that begin and end in one
 * commit, so an attempt costs no record of its own.
 */
export class OwnedJobs {
  readonly #shards = Array.from({ length: shardCount }, () => new Map<string, OwnedJob>());
  readonly #changed = new Set<number>();

  add(job: OwnedJob): void {
    const index = job.slot % shardCount;
    this.#shards[index]?.set(job.jobId, job);
    this.#changed.add(index);
  }

  /** @returns The job, where it was one that runs. */
  remove(jobId: string, slot: number): OwnedJob | undefined {
    const index = slot % shardCount;
    const job = this.#shards[index]?.get(jobId);
    if (job === undefined) return undefined;
    this.#shards[index]?.delete(jobId);
    this.#changed.add(index);
    return job;
  }

  /** What writes the changes since the last call. */
  takeChanges(): readonly BackingStoreOperation[] {
    const operations = [...this.#changed].map((index): BackingStoreOperation => {
      const path = workPaths.owned(index);
      const shard = [...(this.#shards[index]?.values() ?? [])];
      if (shard.length === 0) return { type: 'delete', path };
      const rows = shard.map(({ jobId, slot, starts, startedAt }) => [
        jobId,
        slot,
        starts,
        startedAt,
      ]);
      return { type: 'write', path, data: encodeRecord(rows) };
    });
    this.#changed.clear();
    return operations;
  }

  /** Finds what the process before this one was running. */
  async recover(store: IPersistentBackingStore): Promise<readonly OwnedJob[]> {
    const found: OwnedJob[] = [];
    for await (const { path, data } of store.scan(workPrefixes.owned)) {
      const rows = decodeRecord(shardSchema, path, data);
      for (const [jobId, slot, starts, startedAt] of rows) {
        const job = { jobId, slot, starts, startedAt };
        found.push(job);
        this.#shards[Number(storePathSegments(path).at(-1))]?.set(jobId, job);
      }
    }
    return found;
  }
}
