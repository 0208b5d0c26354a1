import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { ContentStore, IPersistentBackingStore, PayloadReference } from '@datawarehouse/sdk';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../support/temporary-folder.js';
import { openContent, recordPath, recordsIn } from './content-workload.js';

const isSoak = process.env.DW_SOAK === '1';
/** Each folder is killed and opened again several times. */
const folders = isSoak ? 50 : 3;
const killsPerFolder = isSoak ? 10 : 4;
const main = join(import.meta.dirname, '..', 'dist', 'crash', 'content-crash.main.js');

/** Runs a process on the folder for a while, and kills it. Returns what it acknowledged. */
async function live(directory: string, life: number, killAfterMs: number): Promise<Report> {
  const reportFile = join(directory, 'report');
  await writeFile(reportFile, '');
  const child = spawn(process.execPath, [main, directory, reportFile, String(life)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  await Promise.race([once(child.stdout, 'data'), exited]);
  await delay(killAfterMs);
  child.kill('SIGKILL');
  expect(await exited).toEqual([null, 'SIGKILL']);
  // A line that the kill cut off does not count.
  const lines = (await readFile(reportFile, 'utf8')).split('\n').slice(0, -1);
  const named = (word: string): Set<string> =>
    new Set(
      lines.filter((line) => line.startsWith(`${word} `)).map((line) => line.split(' ')[1] ?? ''),
    );
  return { put: named('put'), going: named('go'), gone: named('gone') };
}

interface Report {
  readonly put: ReadonlySet<string>;
  /** Maybe let go of: it was tried. */
  readonly going: ReadonlySet<string>;
  readonly gone: ReadonlySet<string>;
}

async function readableBytes(content: ContentStore, reference: PayloadReference): Promise<number> {
  let bytes = 0;
  for await (const piece of content.open(reference)) bytes += piece.byteLength;
  return bytes;
}

async function pathsBelow(store: IPersistentBackingStore, prefix: string): Promise<string[]> {
  const paths: string[] = [];
  for await (const path of store.list(prefix)) paths.push(path);
  return paths;
}

/** Lets go of everything. A segment is left as long as its process may append to it. */
async function assertNothingStays(directory: string): Promise<void> {
  {
    await using opened = await openContent(directory);
    const { store, content } = opened;
    for (const [name, reference] of await recordsIn(store)) {
      await store.batch([
        ...content.release(reference, name),
        { type: 'delete', path: recordPath(name) },
      ]);
    }
    await content.clean();
  }
  await using again = await openContent(directory);
  await again.content.clean();
  expect(await again.medium.segments()).toEqual([]);
  expect(await pathsBelow(again.store, 'dw://content/')).toEqual([]);
}

describe('a ContentStore over packs whose process is killed', () => {
  it.each(Array.from({ length: folders }, (_, index) => index + 1))(
    `keeps what is referred to, and nothing else, after ${killsPerFolder} kills (%i of ${folders})`,
    async () => {
      await using folder = await temporaryFolder();
      const directory = folder.path;
      const kept = new Set<string>();
      for (let life = 0; life < killsPerFolder; life += 1) {
        const { put, going, gone } = await live(directory, life, 50 + Math.random() * 700);
        for (const name of put) kept.add(name);
        await using opened = await openContent(directory);
        const records = await recordsIn(opened.store);
        for (const [name, reference] of records) {
          expect(await readableBytes(opened.content, reference), name).toBe(reference.sizeBytes);
        }
        for (const name of gone) expect(records.has(name), name).toBe(false);
        for (const name of kept) {
          if (!going.has(name)) expect(records.has(name), name).toBe(true);
        }
        for (const name of going) kept.delete(name);
      }
      await assertNothingStays(directory);
    },
    300_000,
  );
});
