import { ByteReader } from './byte-reader.js';

/** A table that belongs to the database. */
export interface TableRecord {
  readonly level: number;
  readonly number: number;
  readonly sizeBytes: number;
  /** Internal keys: each a key and 8 bytes of sequence and type. */
  readonly smallest: Uint8Array;
  readonly largest: Uint8Array;
}

/** What a manifest says after its last record. */
export interface Manifest {
  readonly comparator: Uint8Array;
  readonly lastSequence: number;
  readonly logNumber: number;
  readonly previousLogNumber: number;
  readonly nextFileNumber: number;
  readonly tables: readonly TableRecord[];
}

const tags = {
  comparator: 1,
  logNumber: 2,
  nextFileNumber: 3,
  lastSequence: 4,
  compactPointer: 5,
  deletedFile: 6,
  newFile: 7,
  previousLogNumber: 9,
} as const;

interface State {
  comparator: Uint8Array;
  lastSequence: number;
  logNumber: number;
  previousLogNumber: number;
  nextFileNumber: number;
  readonly tables: Map<string, TableRecord>;
}

/** Applies the records of a manifest; `undefined` where one is malformed, or there is none. */
export function readManifest(records: readonly Uint8Array[]): Manifest | undefined {
  const state: State = {
    comparator: new Uint8Array(0),
    lastSequence: 0,
    logNumber: 0,
    previousLogNumber: 0,
    nextFileNumber: 0,
    tables: new Map(),
  };
  for (const record of records) {
    const reader = new ByteReader(record);
    while (!reader.isAtEnd) {
      if (!applyField(state, reader) || !reader.isSound) return undefined;
    }
  }
  return records.length === 0 ? undefined : { ...state, tables: [...state.tables.values()] };
}

function applyField(state: State, reader: ByteReader): boolean {
  switch (reader.varint()) {
    case tags.comparator:
      state.comparator = reader.lengthPrefixed();
      return true;
    case tags.logNumber:
      state.logNumber = reader.varint();
      return true;
    case tags.previousLogNumber:
      state.previousLogNumber = reader.varint();
      return true;
    case tags.nextFileNumber:
      state.nextFileNumber = reader.varint();
      return true;
    case tags.lastSequence:
      state.lastSequence = reader.varint();
      return true;
    case tags.compactPointer:
      reader.varint();
      reader.lengthPrefixed();
      return true;
    case tags.deletedFile:
      state.tables.delete(tableKey(reader.varint(), reader.varint()));
      return true;
    case tags.newFile: {
      const table = readTableRecord(reader);
      state.tables.set(tableKey(table.level, table.number), table);
      return true;
    }
    default:
      return false;
  }
}

function readTableRecord(reader: ByteReader): TableRecord {
  return {
    level: reader.varint(),
    number: reader.varint(),
    sizeBytes: reader.varint(),
    smallest: reader.lengthPrefixed(),
    largest: reader.lengthPrefixed(),
  };
}

function tableKey(level: number, number: number): string {
  return `${level}/${number}`;
}

/** The one record of a new manifest that says the same. */
export function manifestRecord(manifest: Manifest): Uint8Array {
  const { comparator, logNumber, previousLogNumber, nextFileNumber, lastSequence } = manifest;
  const fields: Uint8Array[] = [
    varints(tags.comparator, comparator.length),
    comparator,
    varints(tags.logNumber, logNumber, tags.previousLogNumber, previousLogNumber),
    varints(tags.nextFileNumber, nextFileNumber, tags.lastSequence, lastSequence),
  ];
  for (const { level, number, sizeBytes, smallest, largest } of manifest.tables) {
    fields.push(
      varints(tags.newFile, level, number, sizeBytes, smallest.length),
      smallest,
      varints(largest.length),
      largest,
    );
  }
  return Buffer.concat(fields);
}

/** Encodes numbers, each as a varint. */
export function varints(...values: readonly number[]): Uint8Array {
  const bytes: number[] = [];
  for (const value of values) {
    let rest = value;
    for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
    bytes.push(rest);
  }
  return Uint8Array.from(bytes);
}
