import { type Clock, KeyedMutex } from '@datawarehouse/sdk';
import type { ChannelRecord } from '../collections/channel-record.js';
import { isSubscribed } from '../collections/channel-record.js';
import type { ClientRecord } from '../collections/client-record.js';
import type { Collection } from '../collections/collection.js';
import { aedsError } from '../errors/aeds-errors.js';

/** Mandatory channels concern every poll of every client, so all of them are kept in memory. */
const maxMandatoryChannels = 1000;

/** Knows the channels, and which of them a client is in. */
export class ChannelDirectory {
  readonly #channels: Collection<ChannelRecord>;
  readonly #clock: Clock;
  readonly #mandatory = new Map<string, ChannelRecord>();
  readonly #creating = new KeyedMutex();

  private constructor(channels: Collection<ChannelRecord>, clock: Clock) {
    this.#channels = channels;
    this.#clock = clock;
  }

  static async open(channels: Collection<ChannelRecord>, clock: Clock): Promise<ChannelDirectory> {
    const directory = new ChannelDirectory(channels, clock);
    for await (const channel of channels.all()) directory.#note(channel);
    return directory;
  }

  /** @throws DwError `DW_AEDS_CHANNEL_EXISTS`, `DW_AEDS_TOO_MANY_CHANNELS`. */
  create(channel: Omit<ChannelRecord, 'createdAt'>): Promise<ChannelRecord> {
    return this.#creating.run('', async () => {
      const isMandatory = channel.subscriptionType === 'mandatory';
      if (isMandatory && this.#mandatory.size >= maxMandatoryChannels) {
        throw aedsError('DW_AEDS_TOO_MANY_CHANNELS', { details: { max: maxMandatoryChannels } });
      }
      const record: ChannelRecord = { ...channel, createdAt: this.#clock.now() };
      const { channelId } = channel;
      if (!(await this.#channels.create(channelId, record))) {
        throw aedsError('DW_AEDS_CHANNEL_EXISTS', { details: { channelId } });
      }
      this.#note(record);
      return record;
    });
  }

  /** Ids of the channels that a client is in, those that it may not leave among them. */
  async channelsOf(client: ClientRecord): Promise<readonly string[]> {
    const subscribed = await Promise.all(
      client.subscribedChannels.map((channelId) => this.#channels.get(channelId)),
    );
    const all = [...this.#mandatory.values(), ...subscribed.filter((found) => found !== undefined)];
    const own = all.filter(
      (channel) => isSubscribed(client, channel) && client.trustLevel >= channel.minTrustLevel,
    );
    return [...new Set(own.map(({ channelId }) => channelId))].sort();
  }

  #note(channel: ChannelRecord): void {
    if (channel.subscriptionType === 'mandatory') this.#mandatory.set(channel.channelId, channel);
  }
}
