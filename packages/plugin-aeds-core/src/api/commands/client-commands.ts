import { apiPath, type CliCommand, type CliContext } from '@datawarehouse/sdk';
import { z } from 'zod';
import { trustLevels } from '../../collections/client-record.js';
import {
  answerOf,
  durationOption,
  formatTime,
  grantableLevels,
  textOption,
} from './command-values.js';
import { listAll } from './list-all.js';

const clientSchema = z.looseObject({
  clientId: z.string(),
  name: z.string(),
  trustLevel: z.number(),
  subscribedChannels: z.array(z.string()),
  registeredAt: z.number(),
  lastHeartbeat: z.number().optional(),
});
const listedSchema = clientSchema.extend({ status: z.string() });
const invitationSchema = z.looseObject({ pin: z.string(), expiresAt: z.number() });

const idArgument = { name: 'id', summary: 'id of the client, see `dw clients`' } as const;

/** `dw clients` and what follows it. */
export const clientCommands: readonly CliCommand[] = [
  { name: 'clients', summary: 'list the clients of the fleet', run: list },
  {
    name: 'clients invite',
    summary: 'make a one-time PIN for a client to enrol with',
    options: [{ flags: '--expires <duration>', summary: 'how long it holds; default: 1d' }],
    help: 'The PIN is shown once. It serves one client, and is locked after five wrong tries.',
    run: invite,
  },
  {
    name: 'clients approve',
    summary: 'let an enrolled client receive',
    arguments: [idArgument],
    options: [
      { flags: '--trust <level>', summary: 'trust of the client', choices: grantableLevels },
    ],
    run: approve,
  },
  {
    name: 'clients revoke',
    summary: 'take a client out of the fleet, for good',
    arguments: [idArgument],
    run: revoke,
  },
];

async function list(context: CliContext): Promise<void> {
  const { output } = context;
  const clients = await listAll(context, '/aeds/v1/clients', 'clients', {
    schema: listedSchema,
    idOf: ({ clientId }) => clientId,
  });
  output.result({ clients }, () => {
    if (clients.length === 0) output.line('no clients; invite one with: dw clients invite');
    else {
      output.table(
        clients.map((client) => ({
          id: client.clientId,
          name: client.name,
          status: client.status,
          trust: trustLevels[client.trustLevel] ?? String(client.trustLevel),
          channels: client.subscribedChannels.join(' '),
          seen: formatTime(client.lastHeartbeat),
        })),
      );
    }
  });
}

async function invite(context: CliContext): Promise<void> {
  const { api, output, signal } = context;
  const expiresInMs = durationOption(context, 'expires');
  const json = expiresInMs === undefined ? {} : { expiresInMs };
  const response = await api.request('POST', '/aeds/v1/clients/invitations', { json, signal });
  const invitation = await answerOf(response, invitationSchema);
  output.result(invitation, () => {
    output.line(`PIN ${invitation.pin}, until ${formatTime(invitation.expiresAt)}`);
    output.line(
      `on the client: dw agent --server ${api.endpoint} --dir DIR --pin ${invitation.pin}`,
    );
  });
}

async function approve(context: CliContext): Promise<void> {
  const trustLevel = textOption(context, 'trust');
  await change(context, 'approve', trustLevel === undefined ? {} : { trustLevel });
}

async function revoke(context: CliContext): Promise<void> {
  await change(context, 'revoke', {});
}

async function change(
  { api, output, signal, arguments: given }: CliContext,
  verb: 'approve' | 'revoke',
  json: object,
): Promise<void> {
  const path = apiPath('aeds', 'v1', 'clients', given['id'] ?? '', verb);
  const client = await answerOf(await api.request('POST', path, { json, signal }), clientSchema);
  output.result(client, () => {
    const trust = trustLevels[client.trustLevel] ?? String(client.trustLevel);
    output.line(`${client.name} (${client.clientId}) is ${verb}d; trust: ${trust}`);
  });
}
