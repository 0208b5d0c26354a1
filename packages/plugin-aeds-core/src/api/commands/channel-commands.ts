import type { CliCommand, CliContext } from '@datawarehouse/sdk';
import { z } from 'zod';
import { trustLevels } from '../../collections/client-record.js';
import { answerOf, grantableLevels, textOption } from './command-values.js';
import { listAll } from './list-all.js';

const channelSchema = z.looseObject({
  channelId: z.string(),
  name: z.string(),
  subscriptionType: z.string(),
  minTrustLevel: z.number(),
  createdAt: z.number(),
});

/** `dw channels` and what follows it. */
export const channelCommands: readonly CliCommand[] = [
  { name: 'channels', summary: 'list the channels', run: list },
  {
    name: 'channels create',
    summary: 'make a channel',
    arguments: [{ name: 'id', summary: 'small letters, digits, dashes, underscores and dots' }],
    options: [
      { flags: '--name <name>', summary: 'name for people' },
      { flags: '--description <text>', summary: 'what it is for' },
      { flags: '--mandatory', summary: 'every approved client is in it' },
      {
        flags: '--min-trust <level>',
        summary: 'least trust of clients that receive from it',
        choices: grantableLevels,
      },
    ],
    run: create,
  },
];

async function list(context: CliContext): Promise<void> {
  const { output } = context;
  const channels = await listAll(context, '/aeds/v1/channels', 'channels', {
    schema: channelSchema,
    idOf: ({ channelId }) => channelId,
  });
  output.result({ channels }, () => {
    if (channels.length === 0) output.line('no channels; make one with: dw channels create ID');
    else {
      output.table(
        channels.map((channel) => ({
          id: channel.channelId,
          name: channel.name,
          subscription: channel.subscriptionType,
          trust: trustLevels[channel.minTrustLevel] ?? String(channel.minTrustLevel),
        })),
      );
    }
  });
}

async function create(context: CliContext): Promise<void> {
  const { api, output, signal, arguments: given } = context;
  const name = textOption(context, 'name');
  const description = textOption(context, 'description');
  const minTrustLevel = textOption(context, 'minTrust');
  const json = {
    channelId: given['id'] ?? '',
    ...(name !== undefined && { name }),
    ...(description !== undefined && { description }),
    ...(minTrustLevel !== undefined && { minTrustLevel }),
    subscriptionType: context.options['mandatory'] === true ? 'mandatory' : 'voluntary',
  };
  const response = await api.request('POST', '/aeds/v1/channels', { json, signal });
  const channel = await answerOf(response, channelSchema);
  output.result(channel, () => {
    output.line(`channel ${channel.channelId} is there (${channel.subscriptionType})`);
  });
}
