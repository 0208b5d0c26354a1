import type { Logger } from '@datawarehouse/sdk';
import type { ChannelRecord } from '../collections/channel-record.js';
import { type ClientRecord, clientStatusOf } from '../collections/client-record.js';
import type { Collection } from '../collections/collection.js';
import { isAborted } from '../concurrency/is-aborted.js';

/** Clients that are held, of about 150 B each; where there are more, the store is asked each time. */
const maxIndexedClients = 2_000_000;

/** What decides whether a client receives something. */
export interface FleetMember {
  readonly clientId: string;
  readonly status: 'pending' | 'approved' | 'revoked';
  readonly trustLevel: number;
  readonly capabilities: number;
}

const statuses = ['pending', 'approved', 'revoked'] as const;

/**
 * Who is in which channel, in memory: trust, capabilities and standing of a client in two bytes, and
 * the clients of each channel as numbers. It follows the collection, which stays the record.
 *
 * What is there at the start is read beside the work; until then, and where clients are too many,
 * {@link isWhole} says that it cannot answer.
 */
export class FleetIndex implements Disposable {
  readonly #clients: Collection<ClientRecord>;
  readonly #ids: string[] = [];
  readonly #rows = new Map<string, number>();
  readonly #channels = new Map<string, Set<number>>();
  readonly #subscription: Disposable;
  readonly #maxClients: number;
  #facts = new Uint16Array(1_024);
  /** Clients that changed while the others are being read. */
  #fresh: Set<string> | undefined = new Set();
  #isFull = false;

  constructor(clients: Collection<ClientRecord>, maxClients = maxIndexedClients) {
    this.#clients = clients;
    this.#maxClients = maxClients;
    this.#subscription = clients.onDidWrite(({ before, after }) => {
      this.#fresh?.add(after.clientId);
      this.#put(after, before);
    });
  }

  /** Whether it knows every client. */
  get isWhole(): boolean {
    return this.#fresh === undefined && !this.#isFull;
  }

  get size(): number {
    return this.#ids.length;
  }

  /** Reads the clients that are there already. Never rejects. */
  async load(logger: Logger, signal: AbortSignal): Promise<void> {
    try {
      for await (const client of this.#clients.all()) {
        if (isAborted(signal) || this.#isFull) return;
        if (this.#fresh?.has(client.clientId) !== true) this.#put(client, undefined);
      }
      this.#fresh = undefined;
    } catch (error) {
      if (!isAborted(signal)) logger.warn({ error }, 'clients could not all be read into memory');
    }
  }

  /** Everybody. */
  *members(): Generator<FleetMember> {
    for (let row = 0; row < this.#ids.length; row += 1) yield this.#member(row);
  }

  /** Calls for each approved client of some channels, once, with the least trust that it needs. */
  forAudience(
    channels: readonly ChannelRecord[],
    call: (member: FleetMember, minTrustLevel: number) => void,
  ): void {
    const levels = new Map<number, number>();
    const isOne = channels.length === 1;
    for (const { channelId, subscriptionType, minTrustLevel } of channels) {
      const rows =
        subscriptionType === 'mandatory' ? this.#ids.keys() : (this.#channels.get(channelId) ?? []);
      for (const row of rows) {
        if (isOne) this.#callApproved(row, minTrustLevel, call);
        else levels.set(row, Math.min(levels.get(row) ?? Infinity, minTrustLevel));
      }
    }
    for (const [row, minTrustLevel] of levels) this.#callApproved(row, minTrustLevel, call);
  }

  [Symbol.dispose](): void {
    this.#subscription[Symbol.dispose]();
  }

  #callApproved(
    row: number,
    minTrustLevel: number,
    call: (member: FleetMember, minTrustLevel: number) => void,
  ): void {
    const member = this.#member(row);
    if (member.status === 'approved') call(member, minTrustLevel);
  }

  #member(row: number): FleetMember {
    const facts = this.#facts[row] ?? 0;
    return {
      clientId: this.#ids[row] ?? '',
      status: statuses[facts >> 10] ?? 'revoked',
      trustLevel: (facts >> 7) & 7,
      capabilities: facts & 127,
    };
  }

  #put(client: ClientRecord, before: ClientRecord | undefined): void {
    const isNew = !this.#rows.has(client.clientId);
    const row = this.#rowOf(client.clientId);
    if (row === undefined) return;
    const status = statuses.indexOf(clientStatusOf(client));
    this.#facts[row] = (status << 10) | (client.trustLevel << 7) | client.capabilities;
    const left = isNew ? [] : (before?.subscribedChannels ?? []);
    if (left === client.subscribedChannels) return;
    for (const channelId of left) {
      if (!client.subscribedChannels.includes(channelId)) this.#leave(channelId, row);
    }
    for (const channelId of client.subscribedChannels) {
      const members = this.#channels.get(channelId) ?? new Set();
      this.#channels.set(channelId, members.add(row));
    }
  }

  #leave(channelId: string, row: number): void {
    const members = this.#channels.get(channelId);
    members?.delete(row);
    if (members?.size === 0) this.#channels.delete(channelId);
  }

  #rowOf(clientId: string): number | undefined {
    const known = this.#rows.get(clientId);
    if (known !== undefined) return known;
    if (this.#ids.length >= this.#maxClients) {
      this.#isFull = true;
      return undefined;
    }
    const row = this.#ids.push(clientId) - 1;
    this.#rows.set(clientId, row);
    if (row >= this.#facts.length) {
      const larger = new Uint16Array(2 * this.#facts.length);
      larger.set(this.#facts);
      this.#facts = larger;
    }
    return row;
  }
}
