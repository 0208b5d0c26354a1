import {
  DwError,
  type IPeerTransport,
  type PeerCallOptions,
  type PeerHandler,
  peerError,
} from '@datawarehouse/sdk';

/** What happens to one call. */
export type CallFate = 'delivered' | 'lost' | 'answerLost' | 'deliveredTwice';

/** One call, as a test may look at it. */
export interface NetworkCall {
  readonly from: string;
  readonly to: string;
  readonly service: string;
  readonly body: Uint8Array;
}

/** Calls between nodes of one process, with faults that a test chooses. */
export class MemoryNetwork {
  readonly #handlers = new Map<string, Map<string, PeerHandler>>();
  readonly #cut = new Set<string>();
  /** Decides the fate of each call. */
  fateOf: (call: NetworkCall) => CallFate = () => 'delivered';
  /** Waits before a call arrives, which reorders calls. */
  delayOf: (call: NetworkCall) => Promise<void> = () => nextTurn();
  /** Called with every call that was answered. */
  onDidAnswer: (call: NetworkCall, answer: Uint8Array) => void = () => undefined;
  /** Every call that was made, in order. */
  readonly calls: NetworkCall[] = [];

  /** Connects a node. */
  transport(nodeId: string): IPeerTransport {
    const handlers = new Map<string, PeerHandler>();
    this.#handlers.set(nodeId, handlers);
    return {
      call: (to, service, body, options) =>
        this.#call({ from: nodeId, to, service, body: new Uint8Array(body) }, options),
      handle: (service, handler) => {
        if (handlers.has(service)) throw new TypeError(`${service} is offered already`);
        handlers.set(service, handler);
        return {
          [Symbol.dispose]: () => {
            if (handlers.get(service) === handler) handlers.delete(service);
          },
        };
      },
    };
  }

  /** Takes a node off the network, as if its process were gone. */
  disconnect(nodeId: string): void {
    this.#handlers.delete(nodeId);
  }

  /** Cuts two nodes from one another. */
  cut(a: string, b: string): void {
    this.#cut.add(`${a} ${b}`).add(`${b} ${a}`);
  }

  heal(): void {
    this.#cut.clear();
    this.fateOf = () => 'delivered';
    this.delayOf = () => nextTurn();
  }

  async #call(call: NetworkCall, options: PeerCallOptions = {}): Promise<Uint8Array> {
    this.calls.push(call);
    const { signal = new AbortController().signal } = options;
    signal.throwIfAborted();
    const fate = this.fateOf(call);
    await unlessAborted(this.delayOf(call), signal);
    const handler = this.#handlers.get(call.to)?.get(call.service);
    const isCut = this.#cut.has(`${call.from} ${call.to}`) || !this.#handlers.has(call.from);
    if (isCut || fate === 'lost' || !this.#handlers.has(call.to)) {
      throw peerError('DW_PEER_UNREACHABLE', { details: { nodeId: call.to } });
    }
    if (handler === undefined) throw peerError('DW_PEER_UNKNOWN_SERVICE');
    const handle = () => handler({ from: call.from, body: new Uint8Array(call.body), signal });
    const second = fate === 'deliveredTwice' ? handle().catch(refuse) : undefined;
    const answer = await handle().catch(refuse);
    await second;
    this.onDidAnswer(call, answer);
    if (fate === 'answerLost') throw peerError('DW_PEER_TIMEOUT', { details: { nodeId: call.to } });
    return new Uint8Array(answer);
  }
}

/** Waits, but no longer than the caller does. */
async function unlessAborted(waiting: Promise<void>, signal: AbortSignal): Promise<void> {
  let onAbort = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    await Promise.race([waiting, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function refuse(error: unknown): never {
  if (!DwError.is(error)) throw error;
  const { code, message, details } = error;
  throw peerError('DW_PEER_REFUSED', { details: { remote: { code, message, details } } });
}
