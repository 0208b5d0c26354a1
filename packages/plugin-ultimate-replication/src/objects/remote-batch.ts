import type { BackingStoreOperation, DwError } from '@datawarehouse/sdk';
import type { ObjectRecord } from './object-record.js';
import type { PayloadSource } from './payload-source.js';

/** A version that cannot be applied, now or ever, for a reason that lies in itself. */
export interface RefusedRecord {
  readonly record: ObjectRecord;
  readonly error: DwError;
}

/** Versions of another node. */
export interface RemoteBatch {
  readonly records: readonly ObjectRecord[];
  /** Where their content is fetched that is not here. */
  readonly source: PayloadSource;
  readonly signal?: AbortSignal | undefined;
  /** Further changes for the same durable batch, such as the position in the other node's log. */
  readonly operations?: (
    refused: readonly RefusedRecord[],
  ) => Promise<readonly BackingStoreOperation[]>;
}
