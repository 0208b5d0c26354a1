import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { CliCommand, CliContext } from '@datawarehouse/sdk';
import { z } from 'zod';
import { replicationError } from '../../errors/replication-errors.js';
import {
  contextFlag,
  contextHeader,
  objectAddress,
  objectArguments,
  objectNameOf,
} from './object-path.js';
import { readAnswer } from './read-answer.js';

const receiptSchema = z.looseObject({
  version: z.string(),
  digest: z.string(),
  sizeBytes: z.number(),
  strategy: z.string(),
  confirmedBy: z.array(z.string()),
});

/** `dw put`. */
export const putCommand: CliCommand = {
  name: 'put',
  summary: 'store a file or standard input as an object',
  arguments: [
    ...objectArguments,
    { name: 'file', summary: 'file to store; standard input without it, or as -', required: false },
  ],
  options: [
    { flags: '--content-type <type>', summary: 'media type that is kept with the object' },
    contextFlag,
  ],
  help: `Examples:
  $ dw put docs readme.md README.md
  $ date | dw put docs now`,
  run: put,
};

async function put(context: CliContext): Promise<void> {
  const { api, output, options, signal } = context;
  const { namespace, key } = objectNameOf(context);
  using source = await openSource(context);
  const { contentType } = options;
  const { path, query } = objectAddress(namespace, key);
  const response = await api.request('PUT', path, {
    query,
    body: source.body,
    signal,
    headers: {
      ...contextHeader(context),
      ...(typeof contentType === 'string' && { 'content-type': contentType }),
      ...(source.sizeBytes !== undefined && { 'content-length': String(source.sizeBytes) }),
    },
  });
  const receipt = await readAnswer(response, receiptSchema);
  output.result(receipt, () => {
    const { sizeBytes, version, strategy, confirmedBy } = receipt;
    output.line(`stored ${namespace} ${key}: ${sizeBytes} bytes, version ${version}`);
    const replicas = confirmedBy.length === 0 ? 'no replica yet' : confirmedBy.join(', ');
    output.line(`strategy ${strategy}; confirmed by this node and ${replicas}`);
  });
}

interface Source extends Disposable {
  readonly body: AsyncIterable<Uint8Array>;
  readonly sizeBytes?: number;
}

async function openSource({ arguments: given, input, output }: CliContext): Promise<Source> {
  const { file } = given;
  if (file === undefined || file === '-') return { body: input, [Symbol.dispose]: () => undefined };
  const sizeBytes = await fileSize(file);
  const progress = output.progress('storing', sizeBytes, 'bytes');
  const body = async function* (): AsyncGenerator<Uint8Array> {
    for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
      yield chunk;
      progress.advance(chunk.byteLength);
    }
  };
  return { body: body(), sizeBytes, [Symbol.dispose]: () => progress[Symbol.dispose]() };
}

async function fileSize(file: string): Promise<number> {
  const stats = await stat(file).catch((cause: unknown) => {
    throw unreadable(file, cause instanceof Error ? cause.message : String(cause), cause);
  });
  if (!stats.isFile()) throw unreadable(file, 'it is no file');
  return stats.size;
}

function unreadable(file: string, reason: string, cause?: unknown): Error {
  return replicationError('DW_REPLICATION_FILE', {
    message: `${file} cannot be read: ${reason}`,
    details: { file },
    ...(cause !== undefined && { cause }),
  });
}
