import type { LevelChange } from './level-database.js';

/** What a {@link GroupCommitWriter} has done. */
export interface GroupCommitStatistics {
  /** Calls that were written. */
  readonly callCount: number;
  /** Writes to the medium. */
  readonly commitCount: number;
  /** Those of them that waited for the disk. */
  readonly syncCount: number;
}

/** A call that waits for its turn. */
interface Waiting {
  readonly changes: readonly LevelChange[];
  readonly sync: boolean;
  readonly bytes: number;
  /** Stops listening to the call's signal. */
  readonly begin: () => void;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** A group ends behind the call that reaches either: the next one would wait too long for it. */
const maxGroupBytes = 8 * 1024 * 1024;
const maxGroupChanges = 10_000;

/** Writes changes in order of call, all that wait in one commit. */
export class GroupCommitWriter {
  readonly #commit: (
    changes: readonly LevelChange[],
    options: { readonly sync: boolean },
  ) => Promise<void>;
  /** In order of call. */
  readonly #waiting = new Set<Waiting>();
  #writing: Promise<void> | undefined;
  #callCount = 0;
  #commitCount = 0;
  #syncCount = 0;

  constructor(
    commit: (changes: readonly LevelChange[], options: { readonly sync: boolean }) => Promise<void>,
  ) {
    this.#commit = commit;
  }

  /**
   * Resolves when the changes are written, and on the disk where `sync` says so.
   *
   * A signal withdraws them until their commit has begun.
   */
  submit(
    changes: readonly LevelChange[],
    options: { readonly sync: boolean; readonly signal?: AbortSignal | undefined },
  ): Promise<void> {
    const { sync, signal } = options;
    return new Promise((resolve, reject) => {
      const withdraw = (): void => {
        this.#waiting.delete(waiting);
        reject(signal?.reason as Error);
      };
      const waiting: Waiting = {
        changes,
        sync,
        bytes: changes.reduce(
          (sum, { path, data }) => sum + path.length + (data?.byteLength ?? 0),
          0,
        ),
        begin: () => signal?.removeEventListener('abort', withdraw),
        resolve,
        reject,
      };
      signal?.addEventListener('abort', withdraw, { once: true });
      this.#waiting.add(waiting);
      this.#writing ??= this.#writeAll();
    });
  }

  statistics(): GroupCommitStatistics {
    return {
      callCount: this.#callCount,
      commitCount: this.#commitCount,
      syncCount: this.#syncCount,
    };
  }

  /** Resolves when nothing waits. */
  async drain(): Promise<void> {
    await this.#writing;
  }

  async #writeAll(): Promise<void> {
    // What is called in the same turn of the event loop goes into the same commit.
    await Promise.resolve();
    while (this.#waiting.size > 0) await this.#writeGroup(this.#takeGroup());
    this.#writing = undefined;
  }

  #takeGroup(): readonly Waiting[] {
    const group: Waiting[] = [];
    let bytes = 0;
    let changes = 0;
    for (const waiting of this.#waiting) {
      this.#waiting.delete(waiting);
      waiting.begin();
      group.push(waiting);
      bytes += waiting.bytes;
      changes += waiting.changes.length;
      if (bytes >= maxGroupBytes || changes >= maxGroupChanges) break;
    }
    return group;
  }

  async #writeGroup(group: readonly Waiting[]): Promise<void> {
    const sync = group.some((waiting) => waiting.sync);
    try {
      const changes = group.flatMap((waiting) => waiting.changes);
      await this.#commit(changes, { sync });
    } catch (error) {
      for (const waiting of group) waiting.reject(error);
      return;
    }
    this.#callCount += group.length;
    this.#commitCount += 1;
    if (sync) this.#syncCount += 1;
    for (const waiting of group) waiting.resolve();
  }
}
