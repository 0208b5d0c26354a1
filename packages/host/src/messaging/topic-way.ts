import type { Message } from '@datawarehouse/sdk';
import type { Destination, GatheredPublications } from './gathered-publications.js';
import type { Publication, Subscription } from './subscription.js';

/** The way of one topic's messages to its subscriptions, as long as those stay the same. */
export class TopicWay implements Destination {
  readonly #subscriptions: readonly Subscription[];
  readonly #gathered: GatheredPublications;
  /** How many messages all subscriptions had room for, and in which round that was. */
  #room = 0;
  #round = -1;

  constructor(subscriptions: readonly Subscription[], gathered: GatheredPublications) {
    this.#subscriptions = subscriptions;
    this.#gathered = gathered;
  }

  /** Gathers a message where everybody has room; otherwise hands it over, or lets it wait. */
  deliver(message: Message<unknown>, publication: Publication): void {
    const gathered = this.#gathered;
    if (this.#round !== gathered.round) this.#look();
    // What was gathered for other topics counts as well: it may go to the same subscriptions.
    if (gathered.length < this.#room) {
      gathered.add(message, this);
      return;
    }
    gathered.distribute();
    for (const subscription of this.#subscriptions) subscription.accept(message, publication);
    gathered.pass();
  }

  take(messages: readonly (Message<unknown> | undefined)[], from: number, to: number): void {
    for (const subscription of this.#subscriptions) subscription.take(messages, from, to);
  }

  #look(): void {
    this.#round = this.#gathered.round;
    let room = Number.POSITIVE_INFINITY;
    for (const subscription of this.#subscriptions) room = Math.min(room, subscription.room);
    this.#room = room;
  }
}
