import { readFile } from 'node:fs/promises';
import { z } from 'zod';

/** Reads the version of this package. */
export async function readVersion(): Promise<string> {
  const text = await readFile(new URL('../../package.json', import.meta.url), 'utf8');
  return z.looseObject({ version: z.string() }).parse(JSON.parse(text)).version;
}
