import { z } from 'zod';
import { channelIdSchema, timestampSchema } from '../identity/identifiers.js';
import { type ClientRecord, clientStatusOf } from './client-record.js';

/** A channel: clients subscribe to it, or, where it is mandatory, all of them are in it. */
export const channelRecordSchema = z.strictObject({
  channelId: channelIdSchema,
  name: z.string().min(1).max(100),
  description: z.string().max(1000).exactOptional(),
  subscriptionType: z.enum(['mandatory', 'voluntary']),
  minTrustLevel: z.int().min(0).max(4),
  /** Milliseconds since the epoch. */
  createdAt: timestampSchema,
});

export type ChannelRecord = Readonly<z.output<typeof channelRecordSchema>>;

/** Reports whether an approved client belongs to a channel, by its own wish or because all do. */
export function isSubscribed(client: ClientRecord, channel: ChannelRecord): boolean {
  if (clientStatusOf(client) !== 'approved') return false;
  return (
    channel.subscriptionType === 'mandatory' ||
    client.subscribedChannels.includes(channel.channelId)
  );
}
