import { freemem, totalmem } from 'node:os';
import { getHeapStatistics } from 'node:v8';

/** What limits the memory of this process, in bytes. */
export interface RamReadings {
  /** What a container allows; the machine's memory where nothing is said. */
  readonly constrainedBytes: number;
  /** The most that V8 lets the heap grow to. */
  readonly heapLimitBytes: number;
  readonly freeBytes: number;
}

/** Least and greatest share of memory that a cache may be given. */
export const ramPercentageRange: readonly [number, number] = [0.001, 0.5];

/** Reads what limits the memory of this process now. */
export function readRam(): RamReadings {
  const constrainedBytes = process.constrainedMemory();
  const isConstrained = constrainedBytes > 0 && constrainedBytes < totalmem();
  return {
    constrainedBytes: isConstrained ? constrainedBytes : totalmem(),
    heapLimitBytes: getHeapStatistics().heap_size_limit,
    freeBytes: freemem(),
  };
}

/** A share of the least of what limits memory, at least one byte. */
export function ramBudgetBytes(ramPercentage: number, readings: RamReadings = readRam()): number {
  const [least, most] = ramPercentageRange;
  const share = Math.min(most, Math.max(least, ramPercentage));
  const { constrainedBytes, heapLimitBytes, freeBytes } = readings;
  return Math.max(1, Math.floor(share * Math.min(constrainedBytes, heapLimitBytes, freeBytes)));
}
