import { type Contract, contract } from '../compatibility/contract.js';

/** Largest body of a request or a response between nodes, in bytes. */
export const MAX_PEER_MESSAGE_BYTES: number = 32 * 1024 * 1024;

/** A request from another node. Its sender and its bytes are authenticated. */
export interface PeerRequest {
  /** Node that signed the request. */
  readonly from: string;
  /** Bytes as sent. */
  readonly body: Uint8Array;
  /** Aborted when the caller is gone or the host stops. */
  readonly signal: AbortSignal;
}

/** Answers a request. A `DwError` that it throws reaches the caller with its code. */
export type PeerHandler = (request: PeerRequest) => Promise<Uint8Array>;

/** Options of one call. */
export interface PeerCallOptions {
  /** Rejects the call with `signal.reason`. */
  readonly signal?: AbortSignal;
  /**
   * Time limit in milliseconds, 1 to 3 600 000.
   * @defaultValue 10000
   */
  readonly timeoutMs?: number;
}

/**
 * Calls other nodes. Both sides are authenticated; neither bytes nor sender can be altered on the
 * way. Bodies are limited to {@link MAX_PEER_MESSAGE_BYTES}.
 */
export interface IPeerTransport {
  /**
   * Calls a service of a member.
   *
   * @param nodeId - Id of a member.
   * @param service - Dotted name, such as `replication.apply`.
   * @throws {@link DwError} `DW_PEER_UNKNOWN`, `DW_PEER_UNREACHABLE` (retryable), `DW_PEER_TIMEOUT`
   *   (retryable), `DW_PEER_UNKNOWN_SERVICE`, `DW_PEER_TOO_LARGE`, `DW_PEER_BAD_RESPONSE`, or
   *   `DW_PEER_REFUSED` with the other side's code, message and details in `details.remote`.
   */
  call(
    nodeId: string,
    service: string,
    body: Uint8Array,
    options?: PeerCallOptions,
  ): Promise<Uint8Array>;

  /** Offers a service to members. One handler a name; a second one is a `TypeError`. */
  handle(service: string, handler: PeerHandler): Disposable;
}

/** Injection token of the contract of the same name. */
export const IPeerTransport: Contract<IPeerTransport> = contract('dw.sdk.IPeerTransport', {
  introduced: '6.0.0',
});
