import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { storeError } from '@datawarehouse/sdk';
import { replaceFile } from '../replace-file.js';
import { type LogFileContent, readLogFile, writeLogFile } from './log-file.js';
import { type Manifest, readManifest } from './manifest.js';
import type { RecoveryStep } from './recover-store.js';

/** The manifest that counts. */
export interface OpenManifest {
  readonly name: string;
  readonly content: Manifest;
  readonly sizeBytes: number;
}

interface ReadManifest extends OpenManifest {
  readonly log: LogFileContent;
}

/** Finds the manifest, and puts it and `CURRENT` right where that loses nothing. */
export async function openManifest(step: RecoveryStep): Promise<OpenManifest> {
  const named = await currentName(step.directory);
  const isThere = named !== undefined && [...step.files.manifests.values()].includes(named);
  const manifest = isThere ? await read(step, named) : await newestUsable(step);
  if (manifest === undefined) throw unusable(step, named ?? 'CURRENT');
  if (!isThere) {
    await replaceFile(join(step.directory, 'CURRENT'), `${manifest.name}\n`);
    step.found({
      kind: 'repaired',
      file: 'CURRENT',
      message: `CURRENT was missing or damaged; it names ${manifest.name} again`,
      keptAs: undefined,
      ranges: [],
    });
  }
  await putRight(step, manifest);
  return manifest;
}

async function currentName(directory: string): Promise<string | undefined> {
  try {
    const text = await readFile(join(directory, 'CURRENT'), 'utf8');
    return text.endsWith('\n') ? text.slice(0, -1) : undefined;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

async function newestUsable(step: RecoveryStep): Promise<ReadManifest | undefined> {
  const newestFirst = [...step.files.manifests].sort(([a], [b]) => b - a);
  for (const [, name] of newestFirst) {
    const manifest = await read(step, name);
    const hasTables = manifest?.content.tables.every(({ number }) => step.files.tables.has(number));
    if (manifest?.log.damages.length === 0 && hasTables === true) return manifest;
  }
  return undefined;
}

/** `undefined` where the manifest is damaged elsewhere than at its end, or leads nowhere. */
async function read(step: RecoveryStep, name: string): Promise<ReadManifest | undefined> {
  const bytes = await readFile(join(step.directory, name));
  const log = readLogFile(bytes);
  const content = readManifest(log.records);
  if (content === undefined || log.damages.some(({ isTail }) => !isTail)) return undefined;
  // Logs go when the manifest has moved on: one that is gone tells of records that are missing.
  const hasLog = content.logNumber === 0 || step.files.logs.has(content.logNumber);
  return hasLog ? { name, content, sizeBytes: bytes.length, log } : undefined;
}

async function putRight(step: RecoveryStep, { name, log }: ReadManifest): Promise<void> {
  const { damages, repairedCount, records } = log;
  if (damages.length === 0 && repairedCount === 0) return;
  const file = join(step.directory, name);
  const keptAs = await step.damaged.keep(file, name);
  await replaceFile(file, writeLogFile(records));
  const isTorn = damages.length > 0;
  step.found({
    kind: isTorn ? 'tornTail' : 'repaired',
    file: name,
    message: isTorn
      ? `The last record of ${name} was not whole; what it would have changed is as before`
      : `Flipped bits in ${name} were flipped back`,
    keptAs,
    ranges: [],
  });
}

function unusable(step: RecoveryStep, name: string): Error {
  return storeError('DW_STORE_CORRUPT', {
    message: `The store ${step.directory} cannot be opened: ${name} is damaged or files are missing`,
    hint: 'Restore the folder from a backup, or move it away and let replicas fill a new one.',
    details: { directory: step.directory, file: name },
  });
}
