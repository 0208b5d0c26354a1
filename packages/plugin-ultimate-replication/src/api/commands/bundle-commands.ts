import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { apiPath, type CliCommand, type CliContext } from '@datawarehouse/sdk';
import { z } from 'zod';
import { replicationError } from '../../errors/replication-errors.js';
import { readAnswer } from './read-answer.js';
import { parseSince } from './since-option.js';

const uploadSchema = z.looseObject({
  receivedBytes: z.number(),
  state: z.string(),
  progress: z.number(),
});

const importedSchema = z.looseObject({
  origin: z.string(),
  recordCount: z.number(),
  changedCount: z.number(),
  conflictCount: z.number(),
  refusedCount: z.number(),
});

/** `dw bundle` and the commands below it. */
export const bundleCommands: readonly CliCommand[] = [
  {
    name: 'bundle export',
    summary: 'write objects with their content to a signed file for another node',
    arguments: [{ name: 'file', summary: 'file to write; put in place when complete' }],
    options: [
      { flags: '--to <node>', summary: 'id of the node that it is for', required: true },
      {
        flags: '--since <place>',
        summary:
          'sequence of this node’s log, a time such as 2026-11-20T08:00, or 36h; default: all',
      },
      { flags: '--namespace <glob>', summary: 'only namespaces that fit, such as docs/**' },
    ],
    help: `Without --since the bundle holds all that this node has and may give away. With a
sequence it holds what this node wrote behind it: the other node takes it only
if it has all before. With a time it holds every version written since.

Example:
  $ dw bundle export --to n2 --namespace 'docs/**' docs.dwbundle`,
    run: exportBundle,
  },
  {
    name: 'bundle import',
    summary: 'verify a bundle as a whole, and take over what is newer in it',
    arguments: [{ name: 'file', summary: 'file that `dw bundle export` wrote' }],
    options: [
      { flags: '--key <key>', summary: 'public key that it must be signed with, base64url' },
      { flags: '--air-gap', summary: 'trust no key of a member, only --key and bundleKeys' },
    ],
    help: `A bundle that is damaged, unsigned, for another node or out of order is refused, and
changes nothing. Interrupted, the command goes on where it stopped when it is run
again. Importing a bundle twice changes nothing the second time.

Example:
  $ dw bundle import docs.dwbundle`,
    run: importBundle,
  },
];

async function exportBundle(context: CliContext): Promise<void> {
  const { api, output, options, arguments: given, signal } = context;
  const { file = '' } = given;
  const query = {
    to: String(options.to),
    ...(typeof options.namespace === 'string' && { namespace: options.namespace }),
    ...(typeof options.since === 'string' && parseSince(options.since, Date.now())),
  };
  const response = await api.request('GET', '/api/v1/bundle', { query, signal });
  const part = `${file}.${randomUUID()}.part`;
  const hash = createHash('sha256');
  let sizeBytes = 0;
  try {
    await using handle = await openFile(part, 'wx');
    for await (const piece of response.body) {
      await handle.writeFile(piece);
      hash.update(piece);
      sizeBytes += piece.byteLength;
    }
    await handle.sync();
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
  await rename(part, file);
  const digest = hash.digest('hex');
  output.result({ file, to: query.to, sizeBytes, sha256: digest }, () => {
    output.line(`wrote ${file} for ${query.to}: ${sizeBytes} bytes, sha256 ${digest}`);
  });
}

async function importBundle(context: CliContext): Promise<void> {
  const { api, output, options, arguments: given, signal } = context;
  const { file = '' } = given;
  const { id, sizeBytes } = await identify(file, signal);
  const path = apiPath('api', 'v1', 'bundles', id);
  await upload(context, file, path, sizeBytes);
  const json = {
    ...(typeof options.key === 'string' && { publicKey: options.key }),
    airGap: options.airGap === true,
  };
  const response = await api.request('POST', `${path}/import`, { json, signal });
  const imported = await readAnswer(response, importedSchema);
  output.result(imported, () => {
    const { origin, recordCount, changedCount, conflictCount, refusedCount } = imported;
    output.line(`imported ${recordCount} versions of ${origin}: ${changedCount} objects changed`);
    if (conflictCount > 0) output.line(`${conflictCount} conflicts were resolved`);
    if (refusedCount > 0) output.line(`${refusedCount} versions were refused; see the node’s log`);
  });
}

async function upload(
  { api, output, signal }: CliContext,
  file: string,
  path: string,
  sizeBytes: number,
): Promise<void> {
  const { receivedBytes } = await readAnswer(
    await api.request('GET', path, { signal }),
    uploadSchema,
  );
  if (receivedBytes >= sizeBytes) return;
  using progress = output.progress('uploading', sizeBytes, 'bytes');
  progress.advance(receivedBytes);
  if (receivedBytes > 0) output.note(`Going on at ${receivedBytes} of ${sizeBytes} bytes.`);
  const body = async function* (): AsyncGenerator<Uint8Array> {
    const pieces = createReadStream(file, { start: receivedBytes }) as AsyncIterable<Buffer>;
    for await (const piece of pieces) {
      yield piece;
      progress.advance(piece.byteLength);
    }
  };
  await api.request('PUT', path, { query: { offset: receivedBytes }, body: body(), signal });
}

/** Names an upload by what it is, so that it can go on whoever interrupted it. */
async function identify(
  file: string,
  signal: AbortSignal,
): Promise<{ readonly id: string; readonly sizeBytes: number }> {
  const hash = createHash('sha256');
  try {
    const { size } = await stat(file);
    for await (const piece of createReadStream(file, { signal }) as AsyncIterable<Buffer>) {
      hash.update(piece);
    }
    return { id: hash.digest('hex'), sizeBytes: size };
  } catch (cause) {
    signal.throwIfAborted();
    throw unusable(file, cause);
  }
}

async function openFile(file: string, flags: string): Promise<FileHandle> {
  try {
    return await open(file, flags);
  } catch (cause) {
    throw unusable(file, cause);
  }
}

function unusable(file: string, cause: unknown): Error {
  return replicationError('DW_REPLICATION_FILE', {
    message: `${file}: ${cause instanceof Error ? cause.message : String(cause)}`,
    details: { file },
    cause,
  });
}
