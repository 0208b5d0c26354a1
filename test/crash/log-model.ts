import { type IPersistentBackingStore, type LogEntry, WriteAheadLog } from '@datawarehouse/sdk';
import { expect } from 'vitest';
import type { Report } from './log-process.js';
import { consumerId, entryText, lastPath, logPaths, parseEntry } from './log-workload.js';

/** Reads all that a log holds, in order. */
export async function readAll(log: WriteAheadLog): Promise<readonly LogEntry[]> {
  const entries: LogEntry[] = [];
  for (let next = log.tailSequence; next <= log.headSequence; ) {
    const some = await log.read(next, { limitEntries: 10_000 });
    entries.push(...some);
    next += some.length;
  }
  return entries;
}

/** What a log must hold after its process was killed, over any number of lives. */
export class LogModel {
  readonly #largestFiller: number;
  /** What each sequence is known to be, from the tail on. */
  readonly #known = new Map<number, string>();
  #epoch: string | undefined;
  acknowledgedCount = 0;

  constructor(largestFiller: number) {
    this.#largestFiller = largestFiller;
  }

  /** Checks the log of a store against what the process of this life was told. */
  async check(store: IPersistentBackingStore, life: number, report: Report): Promise<void> {
    await using log = await WriteAheadLog.open({ ...logPaths, store });
    this.#learn(report);
    // A kill may have come before there was a log, but never costs an epoch.
    const isNew = this.#epoch === undefined && this.#known.size === 0;
    if (!isNew || log.recovery.outcome !== 'created') {
      expect(log.recovery.outcome).toBe('resumed');
    }
    this.#epoch ??= log.epoch;
    expect(log.epoch).toBe(this.#epoch);
    const entries = (await readAll(log)).map(({ sequence, data }) => {
      return { sequence, text: Buffer.from(data).toString() };
    });
    this.#checkConsumer(log, report);
    expect(entries.map(({ sequence }) => sequence)).toEqual(
      Array.from({ length: log.heldEntries }, (_, index) => log.tailSequence + index),
    );
    // Every acknowledged entry is there, in its place.
    for (const sequence of this.#known.keys()) {
      if (sequence < log.tailSequence) this.#known.delete(sequence);
      else expect(sequence).toBeLessThanOrEqual(log.headSequence);
    }
    for (const { sequence, text } of entries) {
      expect(text).toBe(this.#known.get(sequence) ?? text);
    }
    this.#checkCallers(entries, life, report);
    await this.#checkOperations(store, entries, life, report);
    // What is readable now must stay.
    for (const { sequence, text } of entries) this.#known.set(sequence, text);
  }

  #learn({ acknowledged }: Report): void {
    this.acknowledgedCount += acknowledged.length;
    for (const { sequence, ...entry } of acknowledged) {
      expect(this.#known.has(sequence), `sequence ${sequence} given once`).toBe(false);
      this.#known.set(sequence, entryText(entry, this.#largestFiller));
    }
  }

  #checkConsumer(log: WriteAheadLog, { confirmedSequence }: Report): void {
    const consumer = log.consumer(consumerId);
    if (consumer === undefined) return;
    expect(consumer.isTruncated).toBe(false);
    expect(consumer.position.sequence).toBeGreaterThanOrEqual(confirmedSequence);
    expect(log.tailSequence - 1).toBeLessThanOrEqual(consumer.position.sequence);
  }

  /** Each caller's entries come once, in order, whole, and at most one was not acknowledged. */
  #checkCallers(entries: readonly { text: string }[], life: number, report: Report): void {
    const before = new Map<string, number>();
    for (const { text } of entries) {
      const entry = parseEntry(text);
      expect(text).toBe(entryText(entry, this.#largestFiller));
      const caller = `${entry.life} ${entry.caller}`;
      const expected = (before.get(caller) ?? entry.index - 1) + 1;
      expect(entry.index, `entries of caller ${caller}`).toBe(expected);
      before.set(caller, entry.index);
    }
    const told = lastIndexes(report, life);
    for (const [caller, index] of before) {
      if (!caller.startsWith(`${life} `)) continue;
      const acknowledged = told.get(Number(caller.split(' ')[1])) ?? 0;
      expect(index - acknowledged, `not acknowledged to ${caller}`).toBeLessThanOrEqual(1);
    }
  }

  /** What was to be written together with an entry is there exactly when the entry is. */
  async #checkOperations(
    store: IPersistentBackingStore,
    entries: readonly { text: string }[],
    life: number,
    report: Report,
  ): Promise<void> {
    const last = new Map(lastIndexes(report, life));
    for (const { text } of entries) {
      const entry = parseEntry(text);
      if (entry.life !== life) continue;
      last.set(entry.caller, Math.max(entry.index, last.get(entry.caller) ?? 0));
    }
    for (const [caller, index] of last) {
      const data = await store.read(lastPath(caller));
      expect(Buffer.from(data ?? []).toString()).toBe(`${life} ${index}`);
    }
  }
}

/** The last entry that each caller of a life was told of. */
function lastIndexes({ acknowledged }: Report, life: number): Map<number, number> {
  const last = new Map<number, number>();
  for (const entry of acknowledged) if (entry.life === life) last.set(entry.caller, entry.index);
  return last;
}
