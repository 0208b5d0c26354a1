import { storePath } from '@datawarehouse/sdk';

/** Where the log under test lives in its store. */
export const logPaths = {
  path: storePath('crash', 'log'),
  offsetsPath: storePath('crash', 'offsets'),
};

/** Consumer that never confirms while the test wants all entries held. */
export const consumerId = 'reader';

/** An entry as a caller appends it; `index` counts from 1 in each life of a caller. */
export interface WorkEntry {
  readonly life: number;
  readonly caller: number;
  readonly index: number;
}

/** What an entry says: who it is, and a filler whose length and content follow from that. */
export function entryText({ life, caller, index }: WorkEntry, largestFiller: number): string {
  const length = (index * 31 + caller * 7 + life) % (largestFiller + 1);
  return `${life} ${caller} ${index} ${String(index).repeat(length).slice(0, length)}`;
}

/** Reads an entry back. */
export function parseEntry(text: string): WorkEntry {
  const [life, caller, index] = text.split(' ', 3).map(Number);
  return { life: life ?? Number.NaN, caller: caller ?? Number.NaN, index: index ?? Number.NaN };
}

/** Where a caller keeps, by the same batch as its entry, which one it appended last. */
export function lastPath(caller: number): string {
  return storePath('crash', 'last', String(caller));
}
