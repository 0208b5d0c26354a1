import type { Message } from '@datawarehouse/sdk';
import { EventEmitter } from 'eventemitter3';
import type { GatheredPublications } from './gathered-publications.js';
import type { Publication, Subscription } from './subscription.js';
import { TopicIndex } from './topic-index.js';
import { TopicWay } from './topic-way.js';

type Route = (message: Message<unknown>, publication: Publication) => void;

const maxKnownTopics = 1_024;

/**
 * Which subscriptions get the messages of which topic.
 *
 * The emitter holds the ways of topics that were published to, so that publishing again tests no
 * pattern. A change of subscriptions forgets the ways that it touches.
 */
export class TopicRoutes {
  readonly #gathered: GatheredPublications;
  readonly #index = new TopicIndex<Subscription>();
  readonly #ways = new EventEmitter<Record<string, Route>>();
  /** Topics whose way the emitter holds, those that lead nowhere included; oldest first. */
  readonly #known = new Set<string>();
  /** The way used last: publishers often stay with one topic. */
  #lastTopic: string | undefined;
  #lastWay: TopicWay | undefined;

  constructor(gathered: GatheredPublications) {
    this.#gathered = gathered;
  }

  add(subscription: Subscription): void {
    this.#index.add(subscription.topic, subscription);
    this.#forget(subscription.topic);
  }

  remove(subscription: Subscription): void {
    this.#index.remove(subscription.topic, subscription);
    this.#forget(subscription.topic);
  }

  /** Hands a message to every subscription of its topic, in the order of subscription. */
  deliver(message: Message<unknown>, publication: Publication): void {
    const { topic } = message;
    if (topic === this.#lastTopic && this.#lastWay !== undefined) {
      this.#lastWay.deliver(message, publication);
      return;
    }
    if (this.#ways.emit(topic, message, publication) || this.#known.has(topic)) return;
    this.#learn(topic);
    this.#ways.emit(topic, message, publication);
  }

  #learn(topic: string): void {
    if (this.#known.size >= maxKnownTopics) {
      const [oldest] = this.#known;
      if (oldest !== undefined) this.#forget(oldest);
    }
    this.#known.add(topic);
    const found = [...this.#index.find(topic)].sort((one, other) => one.order - other.order);
    if (found.length === 0) return;
    const way = new TopicWay(found, this.#gathered);
    this.#ways.on(topic, (message, publication) => {
      this.#lastTopic = topic;
      this.#lastWay = way;
      way.deliver(message, publication);
    });
  }

  #forget(topic: string): void {
    this.#lastWay = undefined;
    if (/[*>]/.test(topic)) {
      this.#known.clear();
      this.#ways.removeAllListeners();
    } else if (this.#known.delete(topic)) {
      this.#ways.removeAllListeners(topic);
    }
  }
}
