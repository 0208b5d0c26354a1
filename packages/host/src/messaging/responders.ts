import {
  busError,
  type Clock,
  type Message,
  type RequestHandler,
  type RequestOptions,
} from '@datawarehouse/sdk';

interface Responder {
  readonly name: string;
  readonly handler: RequestHandler<unknown, unknown>;
}

/** Who answers requests, one responder a topic, and the requests that wait for an answer. */
export class Responders {
  readonly #clock: Clock;
  readonly #responders = new Map<string, Responder>();
  /** Rejects each request that waits. */
  readonly #waiting = new Set<(error: Error) => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Puts a responder in the place of an earlier one, until disposed. */
  set(topic: string, responder: Responder): Disposable {
    this.#responders.set(topic, responder);
    return {
      [Symbol.dispose]: () => {
        if (this.#responders.get(topic) === responder) this.#responders.delete(topic);
      },
    };
  }

  /** Asks the responder of the message's topic. */
  async request(message: Message<unknown>, options: RequestOptions): Promise<unknown> {
    const { signal, timeoutMs = 5_000 } = options;
    if (!Number.isInteger(timeoutMs) || timeoutMs < 1 || timeoutMs > 3_600_000) {
      throw new TypeError(`timeoutMs must be 1 to 3 600 000, not ${timeoutMs}`);
    }
    const responder = this.#responders.get(message.topic);
    if (responder === undefined) {
      throw busError('DW_BUS_NO_RESPONDER', {
        message: `Nobody answers requests on ${message.topic}`,
        details: { topic: message.topic },
      });
    }
    return this.#ask(responder, message, timeoutMs, signal);
  }

  /** Forgets all responders, and rejects the requests that wait. */
  end(error: Error): void {
    this.#responders.clear();
    for (const reject of this.#waiting) reject(error);
  }

  #ask(
    responder: Responder,
    message: Message<unknown>,
    timeoutMs: number,
    signal: AbortSignal | undefined,
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const settle = (finish: () => void): void => {
        timer[Symbol.dispose]();
        signal?.removeEventListener('abort', abort);
        this.#waiting.delete(fail);
        finish();
      };
      const fail = (error: Error): void => {
        settle(() => {
          reject(error);
        });
      };
      const abort = (): void => {
        fail(signal?.reason as Error);
      };
      const timer = this.#clock.setTimeout(() => {
        fail(timeoutError(responder, message, timeoutMs));
      }, timeoutMs);
      signal?.addEventListener('abort', abort, { once: true });
      this.#waiting.add(fail);
      // In a turn of its own, as subscribers are: it never runs inside the requester's call.
      void Promise.resolve(message)
        .then((sent) => responder.handler(sent))
        .then((answer) => {
          settle(() => {
            resolve(answer);
          });
        }, fail);
    });
  }
}

function timeoutError(responder: Responder, message: Message<unknown>, timeoutMs: number): Error {
  return busError('DW_BUS_TIMEOUT', {
    message: `${responder.name} did not answer on ${message.topic} within ${timeoutMs} ms`,
    details: { topic: message.topic, timeoutMs, silent: [responder.name] },
  });
}
