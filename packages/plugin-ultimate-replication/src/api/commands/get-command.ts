import { randomUUID } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { ApiResponse, CliCommand, CliContext } from '@datawarehouse/sdk';
import { z } from 'zod';
import { replicationError } from '../../errors/replication-errors.js';
import { ContentDigest } from './content-digest.js';
import { type ObjectAddress, objectAddress, objectArguments, objectNameOf } from './object-path.js';
import { readAnswer } from './read-answer.js';

/** `dw get`. */
export const getCommand: CliCommand = {
  name: 'get',
  summary: 'write an object to a file or to standard output',
  arguments: objectArguments,
  options: [
    { flags: '--output <file>', summary: 'file to write; put in place when complete' },
    { flags: '--siblings', summary: 'list the concurrent versions and their context instead' },
    { flags: '--version <version>', summary: 'read this one of the concurrent versions' },
  ],
  help: `The bytes are checked against the object's digest. With --output they appear
under that name only when all of them are there.

Example:
  $ dw get docs readme.md --output README.md`,
  run: get,
};

const siblingsSchema = z.looseObject({
  context: z.string(),
  siblings: z.array(
    z.looseObject({
      version: z.string(),
      writtenBy: z.string(),
      sizeBytes: z.number().optional(),
      updatedAtMs: z.number(),
    }),
  ),
});

async function listSiblings({ api, output, signal }: CliContext, address: ObjectAddress) {
  const query = { ...address.query, siblings: 'true' };
  const response = await api.request('GET', address.path, { query, signal });
  const answer = await readAnswer(response, siblingsSchema);
  output.result(answer, () => {
    output.table(
      answer.siblings.map(({ version, writtenBy, sizeBytes, updatedAtMs }) => ({
        version,
        'written by': writtenBy,
        bytes: sizeBytes ?? 'deletion',
        updated: new Date(updatedAtMs).toISOString(),
      })),
    );
    output.line(`context ${answer.context}`);
  });
}

async function get(context: CliContext): Promise<void> {
  const { api, output, options, signal } = context;
  const { namespace, key } = objectNameOf(context);
  const address = objectAddress(namespace, key);
  if (options.siblings === true) return listSiblings(context, address);
  const file = typeof options.output === 'string' ? options.output : undefined;
  if (file === undefined && output.isJson) throw replicationError('DW_REPLICATION_OUTPUT_NEEDED');
  const wanted = typeof options.version === 'string' ? options.version : undefined;
  const query = { ...address.query, version: wanted };
  const response = await api.request('GET', address.path, { query, signal });
  noteSiblings(context, response);
  const total = Number(response.headers['content-length'] ?? 0);
  if (file === undefined) {
    await transfer(response, (chunk) => output.write(chunk));
    return;
  }
  using progress = output.progress('reading', total, 'bytes');
  const digest = await writeFile(file, (handle) =>
    transfer(response, async (chunk) => {
      await handle.writeFile(chunk);
      progress.advance(chunk.byteLength);
    }),
  );
  const version = response.headers['dw-version'];
  output.result({ namespace, key, file, sizeBytes: total, digest, version }, () => {
    output.line(`wrote ${file}: ${total} bytes, version ${version ?? 'unknown'}`);
  });
}

function noteSiblings({ output, options }: CliContext, { headers }: ApiResponse): void {
  const count = Number(headers['dw-siblings'] ?? 1);
  if (count < 2 || options.version !== undefined) return;
  output.note(`There are ${count} concurrent versions; see them with --siblings.`);
}

/** Hands the bytes on, and checks them. */
async function transfer(
  response: ApiResponse,
  take: (chunk: Uint8Array) => Promise<void>,
): Promise<string> {
  const computed = new ContentDigest();
  for await (const chunk of response.body) {
    computed.update(chunk);
    await take(chunk);
  }
  const digest = computed.end();
  if (response.headers.etag === `"${digest}"`) return digest;
  throw replicationError('DW_REPLICATION_TRANSFER_DAMAGED', {
    details: { digest, announced: response.headers.etag, sizeBytes: computed.sizeBytes },
  });
}

/** Writes a file beside its place, and moves it there when it is complete and durable. */
async function writeFile<T>(file: string, write: (handle: FileHandle) => Promise<T>): Promise<T> {
  const temporary = join(dirname(file), `.${basename(file).slice(0, 100)}.${randomUUID()}.part`);
  const handle = await open(temporary, 'wx').catch((cause: unknown) => {
    throw unwritable(file, cause);
  });
  try {
    const result = await write(handle);
    await handle.sync();
    await handle.close();
    await rename(temporary, file).catch((cause: unknown) => {
      throw unwritable(file, cause);
    });
    return result;
  } catch (error) {
    await handle.close();
    await rm(temporary, { force: true });
    throw error;
  }
}

function unwritable(file: string, cause: unknown): Error {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return replicationError('DW_REPLICATION_FILE', {
    message: `${file} cannot be written: ${reason}`,
    details: { file },
    cause,
  });
}
