import { randomUUID } from 'node:crypto';
import { readValue } from './damaged-values.js';
import { LogExtent } from './log-extent.js';
import { type LogFrame, MAX_FRAME_ENTRIES } from './log-frame.js';
import type { LogFrames, StoredFrame } from './log-frames.js';
import { decodeRecord, encodeRecord, type LogMeta, logMetaSchema } from './log-record.js';
import type { LogTimes } from './log-times.js';
import type { Durability, IPersistentBackingStore } from './persistent-backing-store.js';

/** What recovery needs. */
export interface LogRecoveryOptions {
  readonly store: IPersistentBackingStore;
  readonly metaPath: string;
  readonly frames: LogFrames;
  readonly times: LogTimes;
  readonly durability: Durability;
  /** Highest sequence that a consumer has confirmed, by epoch. */
  readonly confirmedIn: (epoch: string) => number;
}

/**
 * Finds out where a log ends, before the first append.
 *
 * The head is the end of the last frame, or what the meta record says when all frames are trimmed.
 * Where that cannot be trusted (the last frame or the record is damaged, or something confirmed is
 * missing) the log goes on in a new epoch, at a sequence that was never given out: consumers learn
 * of it by `DW_LOG_EPOCH`, undamaged frames stay readable, and the damaged one is left as it is.
 */
export async function recoverLog(options: LogRecoveryOptions): Promise<LogExtent> {
  const { store, metaPath, frames, times, durability, confirmedIn } = options;
  const data = (await readValue(store, metaPath))?.data;
  const meta = data && decodeRecord(data, logMetaSchema);
  const last = await frames.last();
  const first = await firstFrame(frames, meta?.tailSequence ?? 0);
  const head = meta && trustedHead(meta, last, confirmedIn(meta.epoch));
  const endBytes = await endOf(frames, meta, last);
  const recovered =
    head ?? newEpoch(meta, last, confirmedIn(meta?.epoch ?? last?.frame?.epoch ?? ''));
  const tailSequence = first?.firstSequence ?? recovered.headSequence + 1;
  const complete = { ...recovered, endBytes, tailSequence };
  if (head === undefined) {
    await store.write(metaPath, encodeRecord(complete), { durability });
  }
  for (const frame of [first?.frame, last?.frame]) {
    if (frame !== undefined) times.add(frame.firstSequence, frame.appendedAtMs);
  }
  if (last?.frame !== undefined) frames.remember(last.frame);
  return new LogExtent(complete, await startOf(frames, first, endBytes));
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
  if (last.frame !== undefined) return endBytesOf(last.frame);
  // The last frame is damaged: count from the last one that is not.
  let end = 0;
  for await (const { frame, sizeBytes } of frames.scan(0)) {
    end = frame === undefined ? end + sizeBytes : endBytesOf(frame);
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

function endBytesOf(frame: LogFrame): number {
  return frame.startBytes + frame.sizeBytes;
}
