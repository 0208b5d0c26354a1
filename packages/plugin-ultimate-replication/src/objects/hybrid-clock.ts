import type { Clock } from '@datawarehouse/sdk';
import { replicationError } from '../errors/replication-errors.js';
import { compareVersions, formatVersion, type ObjectVersion } from './object-version.js';

/** What a {@link HybridClock} works with. */
export interface HybridClockOptions {
  readonly nodeId: string;
  readonly clock: Clock;
  /** How far in the future a version of another node may lie, in milliseconds. */
  readonly maxDriftMs: number;
  /** Greatest version that was issued or observed before. */
  readonly last?: ObjectVersion | undefined;
}

/** Issues versions that are greater than every version issued or observed before. */
export class HybridClock {
  readonly #nodeId: string;
  readonly #clock: Clock;
  readonly #maxDriftMs: number;
  #last: ObjectVersion;

  constructor({ nodeId, clock, maxDriftMs, last }: HybridClockOptions) {
    this.#nodeId = nodeId;
    this.#clock = clock;
    this.#maxDriftMs = maxDriftMs;
    this.#last = last ?? { physicalMs: 0, logical: 0, nodeId };
  }

  /** Greatest version issued or observed so far. */
  get last(): ObjectVersion {
    return this.#last;
  }

  /** Issues a version, greater than `after` as well. */
  next(after?: ObjectVersion): ObjectVersion {
    const floor =
      after !== undefined && compareVersions(after, this.#last) > 0 ? after : this.#last;
    const now = this.#clock.now();
    const { physicalMs, logical } = floor;
    const nodeId = this.#nodeId;
    if (now > physicalMs) this.#last = { physicalMs: now, logical: 0, nodeId };
    else if (logical < Number.MAX_SAFE_INTEGER) {
      this.#last = { physicalMs, logical: logical + 1, nodeId };
    } else this.#last = { physicalMs: physicalMs + 1, logical: 0, nodeId };
    return this.#last;
  }

  /**
   * Takes note of another node's version.
   *
   * @throws {@link DwError} `DW_REPLICATION_CLOCK_DRIFT`; the version is not taken over then.
   */
  observe(version: ObjectVersion): void {
    const aheadMs = version.physicalMs - this.#clock.now();
    if (aheadMs > this.#maxDriftMs) {
      throw replicationError('DW_REPLICATION_CLOCK_DRIFT', {
        details: { version: formatVersion(version), aheadMs, maxDriftMs: this.#maxDriftMs },
      });
    }
    if (compareVersions(version, this.#last) > 0) this.#last = version;
  }
}
