import { logError } from '../errors/log-errors.js';
import type { LogPosition } from './log-extent.js';
import { frameEntryBytes, MAX_FRAME_ENTRIES } from './log-frame.js';
import type { BackingStoreOperation } from './persistent-backing-store.js';

/** Most bytes that one commit takes, unless a single append is larger. */
const maxCommitBytes = 4 * 1024 * 1024;
/** Most bytes that may wait for a commit. */
const maxWaitingBytes = 64 * 1024 * 1024;

/** An append that waits for its commit. */
export interface WaitingAppend {
  readonly data: Uint8Array;
  readonly operations: readonly BackingStoreOperation[];
  readonly sizeBytes: number;
  readonly resolve: (position: LogPosition) => void;
  readonly reject: (reason: Error) => void;
}

/** Its place in the queue. */
interface Place extends WaitingAppend {
  /** Whether its signal has taken it back. */
  isEmpty: boolean;
  /** Stops listening to its signal. */
  leave: (() => void) | undefined;
}

/** What has been appended to a log and waits to be committed, in order of call. */
export class LogQueue {
  #places: Place[] = [];
  #emptyCount = 0;
  #sizeBytes = 0;

  /** Appends that wait. */
  get length(): number {
    return this.#places.length - this.#emptyCount;
  }

  /**
   * Adds an append. Its signal takes it back while it waits.
   *
   * @throws {@link DwError} `DW_LOG_FULL`.
   */
  add(
    data: Uint8Array,
    operations: readonly BackingStoreOperation[],
    signal: AbortSignal | undefined,
  ): Promise<LogPosition> {
    const sizeBytes = frameEntryBytes(data) + operationBytes(operations);
    if (this.#sizeBytes > 0 && this.#sizeBytes + sizeBytes > maxWaitingBytes) {
      throw logError('DW_LOG_FULL', {
        message: 'Too many bytes wait to be written to the log',
        details: { waitingBytes: this.#sizeBytes, maxWaitingBytes },
      });
    }
    this.#sizeBytes += sizeBytes;
    return new Promise((resolve, reject) => {
      const place = {
        data,
        operations,
        sizeBytes,
        resolve,
        reject,
        isEmpty: false,
        leave: undefined,
      };
      this.#places.push(place);
      if (signal !== undefined) this.#listen(place, signal);
    });
  }

  /** Takes out what the next commit writes; that cannot be taken back any more. */
  take(): readonly WaitingAppend[] {
    const group: WaitingAppend[] = [];
    let sizeBytes = 0;
    let end = 0;
    for (const place of this.#places) {
      if (place.isEmpty) this.#emptyCount -= 1;
      else {
        const isFull = sizeBytes + place.sizeBytes > maxCommitBytes;
        if (group.length === MAX_FRAME_ENTRIES || (isFull && group.length > 0)) break;
        sizeBytes += place.sizeBytes;
        group.push(place);
        place.leave?.();
      }
      end += 1;
    }
    this.#places = end === this.#places.length ? [] : this.#places.slice(end);
    this.#sizeBytes -= sizeBytes;
    return group;
  }

  #listen(place: Place, signal: AbortSignal): void {
    const onAbort = (): void => {
      if (place.isEmpty) return;
      place.isEmpty = true;
      this.#sizeBytes -= place.sizeBytes;
      this.#emptyCount += 1;
      // Emptied places must not gather behind a commit that does not end.
      if (this.#emptyCount > this.#places.length / 2) this.#compact();
      place.reject(signal.reason as Error);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    place.leave = () => {
      signal.removeEventListener('abort', onAbort);
    };
  }

  #compact(): void {
    this.#places = this.#places.filter(({ isEmpty }) => !isEmpty);
    this.#emptyCount = 0;
  }
}

function operationBytes(operations: readonly BackingStoreOperation[]): number {
  let sizeBytes = 0;
  for (const operation of operations) {
    sizeBytes += operation.path.length;
    if (operation.type === 'write') sizeBytes += operation.data.byteLength;
  }
  return sizeBytes;
}
