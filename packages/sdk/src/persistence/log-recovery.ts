import { randomUUID } from 'node:crypto';
import { readValue, type StoredValue } from './damaged-values.js';
import { LogExtent } from './log-extent.js';
import { frameEndBytes, type LogFrame, MAX_FRAME_ENTRIES } from './log-frame.js';
import type { LogFrames, StoredFrame } from './log-frames.js';
import { decodeRecord, encodeRecord, type LogMeta, logMetaSchema } from './log-record.js';
import type { LogTimes } from './log-times.js';
import type { Durability, IPersistentBackingStore } from './persistent-backing-store.js';

/** What opening a log found. */
export interface LogRecovery {
  /**
   * `created`: there was none. `resumed`: the log goes on where it ended. `newEpoch`: it cannot
   * vouch for its earlier positions, and goes on behind every sequence that it may have given out.
   */
  readonly outcome: 'created' | 'resumed' | 'newEpoch';
  /**
   * Why there is a new epoch. `wentBack`: the log ends before what its record or a consumer has
   * confirmed; `endDamaged`: its last frame is damaged; `endLost`: the store has lost what may
   * have been the last frame; `recordDamaged`, `recordMissing`: the record that names the epoch is.
   */
  readonly reason?: 'wentBack' | 'endDamaged' | 'endLost' | 'recordDamaged' | 'recordMissing';
  /** Epoch before, where it is known. */
  readonly previousEpoch?: string;
  /** Last sequence that was found whole; 0 when there is none. */
  readonly foundSequence: number;
  /** Last sequence that is known to have been given out: more than was found where it went back. */
  readonly knownSequence: number;
}

/** What recovery needs. */
export interface LogRecoveryOptions {
  readonly store: IPersistentBackingStore;
  readonly metaPath: string;
  readonly frames: LogFrames;
  readonly times: LogTimes;
  readonly durability: Durability;
  /** Highest sequence that a consumer has confirmed, by epoch. */
  readonly confirmedIn: (epoch: string) => number;
  readonly hasConsumers: boolean;
}

/** A log as it was found. */
export interface RecoveredLog {
  readonly extent: LogExtent;
  readonly recovery: LogRecovery;
  /** First frame held, where it is undamaged. */
  readonly tail: LogFrame | undefined;
}

/**
 * Finds out where a log ends, before the first append.
 *
 * The head is the end of the last frame, or what the meta record says when all frames are trimmed.
 * Where that cannot be trusted (the last frame or the record is damaged, or something confirmed is
 * missing) the log goes on in a new epoch, at a sequence that was never given out: consumers learn
 * of it by `DW_LOG_EPOCH`, undamaged frames stay readable, and the damaged one is left as it is.
 */
export async function recoverLog(options: LogRecoveryOptions): Promise<RecoveredLog> {
  const { store, metaPath, frames, times, durability, confirmedIn } = options;
  const record = await readValue(store, metaPath);
  const meta = record?.data && decodeRecord(record.data, logMetaSchema);
  const last = await frames.last();
  const first = await firstFrame(frames, meta?.tailSequence ?? 0);
  const previousEpoch = meta?.epoch ?? last?.frame?.epoch;
  const confirmed = confirmedIn(previousEpoch ?? '');
  const found = meta && trustedHead(meta, last, confirmed);
  const isNextLost = found !== undefined && (await isLost(store, frames, found.headSequence + 1));
  const head = isNextLost ? undefined : found;
  const endBytes = await endOf(frames, meta, last);
  const lastPossible = isNextLost ? found.headSequence + MAX_FRAME_ENTRIES : 0;
  const recovered = head ?? newEpoch(meta, last, Math.max(confirmed, lastPossible));
  const tailSequence = first?.firstSequence ?? recovered.headSequence + 1;
  const isGuarded = isNextLost || (meta?.isGuarded ?? false);
  const complete = { ...recovered, endBytes, tailSequence, isGuarded };
  if (head === undefined) {
    await store.batch(
      [
        { type: 'write', path: metaPath, data: encodeRecord(complete) },
        { type: 'delete', path: frames.pathOf(recovered.headSequence + 1) },
      ],
      { durability },
    );
  }
  for (const frame of [first?.frame, last?.frame]) {
    if (frame !== undefined) times.add(frame.firstSequence, frame.appendedAtMs, frame.startBytes);
  }
  if (last?.frame !== undefined) frames.remember(last.frame);
  const known = Math.max(meta?.headSequence ?? 0, confirmed, last?.firstSequence ?? 0);
  const recovery: LogRecovery = Object.freeze({
    ...(isNextLost
      ? { outcome: 'newEpoch', reason: 'endLost' }
      : outcomeOf(head, record, meta, last, options.hasConsumers)),
    ...(previousEpoch !== undefined && { previousEpoch }),
    foundSequence: found?.headSequence ?? last?.frame?.lastSequence ?? 0,
    knownSequence: Math.max(known, last?.frame?.lastSequence ?? 0),
  });
  const startBytes = await startOf(frames, first, endBytes);
  return { extent: new LogExtent(complete, startBytes), recovery, tail: first?.frame };
}

function outcomeOf(
  head: Head | undefined,
  record: StoredValue | undefined,
  meta: LogMeta | undefined,
  last: StoredFrame | undefined,
  hasConsumers: boolean,
): Pick<LogRecovery, 'outcome' | 'reason'> {
  if (head !== undefined) return { outcome: 'resumed' };
  if (record === undefined && last === undefined && !hasConsumers) return { outcome: 'created' };
  const outcome = 'newEpoch';
  if (record === undefined) return { outcome, reason: 'recordMissing' };
  if (meta === undefined) return { outcome, reason: 'recordDamaged' };
  const isEndDamaged = last !== undefined && last.frame === undefined;
  return { outcome, reason: isEndDamaged ? 'endDamaged' : 'wentBack' };
}

/** Whether a frame may have been there that the store cannot find any more. */
async function isLost(
  store: IPersistentBackingStore,
  frames: LogFrames,
  firstSequence: number,
): Promise<boolean> {
  const value = await readValue(store, frames.pathOf(firstSequence));
  return value !== undefined && value.data === undefined;
}

async function firstFrame(
  frames: LogFrames,
  tailSequence: number,
): Promise<StoredFrame | undefined> {
  for await (const stored of frames.scan(tailSequence, { limit: 1 })) return stored;
  return undefined;
}

type Head = Pick<LogMeta, 'epoch' | 'headSequence' | 'headChecksum'>;

/** The head within the known epoch, or `undefined` where something that was there is missing. */
function trustedHead(
  meta: LogMeta,
  last: StoredFrame | undefined,
  confirmed: number,
): Head | undefined {
  const head = headOf(meta, last);
  return head !== undefined && head.headSequence >= Math.max(meta.headSequence, confirmed)
    ? head
    : undefined;
}

function headOf(meta: LogMeta, last: StoredFrame | undefined): Head | undefined {
  if (last === undefined) return meta.tailSequence > meta.headSequence ? meta : undefined;
  const { frame, firstSequence } = last;
  // The record was written after this frame, so it knows where the frame ended.
  if (firstSequence <= meta.headSequence && frame?.epoch !== meta.epoch) return meta;
  if (frame?.epoch !== meta.epoch) return undefined;
  return { epoch: meta.epoch, headSequence: frame.lastSequence, headChecksum: frame.checksum };
}

/** Starts a new epoch behind every sequence that may have been given out. */
function newEpoch(
  meta: LogMeta | undefined,
  last: StoredFrame | undefined,
  confirmed: number,
): Head {
  const lastPossible =
    last === undefined
      ? 0
      : (last.frame?.lastSequence ?? last.firstSequence + MAX_FRAME_ENTRIES - 1);
  const headSequence = Math.max(lastPossible, meta?.headSequence ?? 0, confirmed);
  return { epoch: randomUUID(), headSequence, headChecksum: 0 };
}

async function endOf(
  frames: LogFrames,
  meta: LogMeta | undefined,
  last: StoredFrame | undefined,
): Promise<number> {
  if (last === undefined) return meta?.endBytes ?? 0;
  if (last.frame !== undefined) return frameEndBytes(last.frame);
  // The last frame is damaged: count from the last one that is not.
  let end = 0;
  for await (const { frame, sizeBytes } of frames.scan(0)) {
    end = frame === undefined ? end + sizeBytes : frameEndBytes(frame);
  }
  return end;
}

async function startOf(
  frames: LogFrames,
  first: StoredFrame | undefined,
  endBytes: number,
): Promise<number> {
  if (first === undefined) return endBytes;
  if (first.frame !== undefined) return first.frame.startBytes;
  let damagedBytes = 0;
  for await (const { frame, sizeBytes } of frames.scan(first.firstSequence)) {
    if (frame !== undefined) return frame.startBytes - damagedBytes;
    damagedBytes += sizeBytes;
  }
  return endBytes - damagedBytes;
}
