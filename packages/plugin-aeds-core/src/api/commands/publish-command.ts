import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { CliCommand, CliContext } from '@datawarehouse/sdk';
import { z } from 'zod';
import { aedsError } from '../../errors/aeds-errors.js';
import { answerOf, durationOption, listOption, textOption } from './command-values.js';

const publicationSchema = z.looseObject({
  jobId: z.string(),
  manifestId: z.string(),
  sizeBytes: z.number(),
  targets: z.number(),
  excluded: z.array(z.looseObject({ clientId: z.string(), reason: z.string() })),
});

/** `dw publish`. */
export const publishCommand: CliCommand = {
  name: 'publish',
  summary: 'sign a file and send it to clients',
  options: [
    { flags: '--channel <id>', summary: 'channel to publish to; repeatable', repeatable: true },
    { flags: '--client <id>', summary: 'client to send to; repeatable', repeatable: true },
    { flags: '--file <path>', summary: 'file to send', required: true },
    { flags: '--name <name>', summary: 'name of the file on the clients; default: its own' },
    { flags: '--content-type <type>', summary: 'media type that is kept with the file' },
    {
      flags: '--action <action>',
      summary: 'what clients do with it',
      choices: ['passive', 'notify'],
    },
    { flags: '--expires <duration>', summary: 'how long clients may take it: 90s, 15m, 12h, 7d' },
    { flags: '--priority <n>', summary: 'urgency from 0 to 100; default: 50' },
  ],
  help: `Clients that are away get it when they come back, until it expires.

Examples:
  $ dw publish --channel stable --file app-2.1.tar
  $ dw publish --client 3k9m2p7qz0x4r8t1v5w6 --file note.txt --action notify --expires 1h`,
  run: publish,
};

async function publish(context: CliContext): Promise<void> {
  const { api, output, signal } = context;
  const file = textOption(context, 'file') ?? '';
  const query = queryOf(context, file);
  const sizeBytes = await fileSize(file);
  const progress = output.progress('publishing', sizeBytes, 'bytes');
  const body = async function* (): AsyncGenerator<Uint8Array> {
    for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
      yield chunk;
      progress.advance(chunk.byteLength);
    }
  };
  try {
    const response = await api.request('POST', '/aeds/v1/publications', {
      body: body(),
      query,
      headers: { 'content-length': String(sizeBytes) },
      signal,
    });
    const publication = await answerOf(response, publicationSchema);
    progress[Symbol.dispose]();
    output.result(publication, () => {
      const { jobId, targets, excluded } = publication;
      output.line(
        `published as job ${jobId} to ${targets} ${targets === 1 ? 'client' : 'clients'}`,
      );
      for (const { clientId, reason } of excluded) output.line(`not to ${clientId}: ${reason}`);
      output.line(`see how it goes with: dw jobs show ${jobId}`);
    });
  } finally {
    progress[Symbol.dispose]();
  }
}

function queryOf(context: CliContext, file: string): Record<string, string | number | undefined> {
  const channels = listOption(context, 'channel');
  const clients = listOption(context, 'client');
  if ((channels.length === 0) === (clients.length === 0)) {
    throw aedsError('DW_AEDS_REQUEST_INVALID', {
      message: 'It is not clear whom to publish to',
      hint: 'Give either --channel or --client; see `dw channels` and `dw clients`.',
    });
  }
  const join = (ids: readonly string[]): string | undefined =>
    ids.length === 0 ? undefined : ids.join(',');
  return {
    channel: join(channels),
    client: join(clients),
    name: textOption(context, 'name') ?? basename(file),
    contentType: textOption(context, 'contentType'),
    action: textOption(context, 'action'),
    expiresInMs: durationOption(context, 'expires'),
    priority: textOption(context, 'priority'),
  };
}

async function fileSize(file: string): Promise<number> {
  const stats = await stat(file).catch((cause: unknown) => {
    throw unreadable(file, cause instanceof Error ? cause.message : String(cause), cause);
  });
  if (!stats.isFile()) throw unreadable(file, 'it is not a file');
  return stats.size;
}

function unreadable(file: string, reason: string, cause?: unknown): Error {
  return aedsError('DW_AEDS_FILE_IO', {
    message: `${file} cannot be published: ${reason}`,
    hint: 'Give the path of a file that you may read.',
    retryable: false,
    ...(cause !== undefined && { cause }),
  });
}
