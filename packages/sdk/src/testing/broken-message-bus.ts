import type { MessageHandler, SubscribeOptions } from '../messaging/message-bus.js';
import type { Topic } from '../messaging/topic.js';
import type { ClosableMessageBus } from './bus-clause.js';
import { MemoryMessageBus } from './memory-message-bus.js';

/** Subscription to a topic or a pattern, by the name of either. */
export type Subscribe = (
  to: string,
  handler: MessageHandler<unknown>,
  options: SubscribeOptions,
  isPattern: boolean,
) => Disposable;

/** What a double does otherwise. */
export interface Changes extends Partial<Omit<ClosableMessageBus, 'subscribe'>> {
  readonly subscribe?: Subscribe;
}

/** A bus that works, but for what `change` puts in its place. */
export function broken(change: (real: MemoryMessageBus) => Changes): ClosableMessageBus {
  const real = new MemoryMessageBus({ onHandlerError: () => undefined });
  const { subscribe, ...changes } = change(real);
  return {
    publish: (to, data, options) => real.publish(to, data, options),
    subscribe: (
      to: string | Topic<unknown>,
      handler: MessageHandler<unknown>,
      options: SubscribeOptions = {},
    ) => {
      if (subscribe === undefined) return real.subscribe(to as string, handler, options);
      const name = typeof to === 'string' ? to : to.name;
      return subscribe(name, handler, options, typeof to === 'string');
    },
    request: (to, data, options) => real.request(to, data, options),
    respond: (to, handler) => real.respond(to, handler),
    statistics: () => real.statistics(),
    [Symbol.asyncDispose]: () => real.close(),
    ...changes,
  };
}

export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise(setImmediate);
}

export const never = new Promise<never>(() => undefined);
export const nothing: Disposable = { [Symbol.dispose]: () => undefined };
export const disposable = (dispose: () => void): Disposable => ({ [Symbol.dispose]: dispose });

/** Subscribes with another handler, made from the one that was given. */
export const handling =
  (
    real: MemoryMessageBus,
    alter: (handler: MessageHandler<unknown>) => MessageHandler<unknown>,
  ): Subscribe =>
  (to, handler, options) =>
    real.subscribe(to, alter(handler), options);

export interface Double {
  /** What is wrong with the bus. */
  readonly wrong: string;
  /** The clause that must notice. */
  readonly noticed: string;
  readonly make: (real: MemoryMessageBus) => Changes;
}

export const double = (wrong: string, noticed: string, make: Double['make']): Double => ({
  wrong,
  noticed,
  make,
});
