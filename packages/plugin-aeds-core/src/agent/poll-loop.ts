import { Backoff, type Clock, DwError, delay, LinkedAbort } from '@datawarehouse/sdk';
import { isAborted } from '../concurrency/is-aborted.js';
import { aedsError } from '../errors/aeds-errors.js';
import { MAX_POLL_WAIT_MS, type PollResponse } from '../protocol/agent-messages.js';
import type { Recipient } from './admit-manifest.js';
import type { AgentListener } from './agent-events.js';
import type { DeliveryJournal } from './delivery-journal.js';
import type { Delivery, DeliveryWorker } from './delivery-worker.js';
import type { TransferPreferences } from './transfer-preferences.js';
import type { TrustedServer } from './trusted-server.js';

/** Deliveries in hand at a time, so that a slow one holds up none of the others. */
const maxParallel = 4;
/** A server that answers sooner, without news, must not be asked again at once. */
const quickMs = 500;
const maxInHand = 500;

export interface PollLoopOptions {
  readonly server: TrustedServer;
  readonly worker: DeliveryWorker;
  readonly journal: DeliveryJournal;
  readonly preferences: TransferPreferences;
  readonly subscriptions: readonly string[];
  readonly recipient: Omit<Recipient, 'channels'>;
  readonly emit: AgentListener;
  readonly clock: Clock;
}

/** Asks the server for manifests, for ever, and hands them to the worker. */
export class PollLoop {
  readonly #options: PollLoopOptions;
  readonly #backoff: Backoff;
  readonly #active = new Map<string, Promise<void>>();
  #status: PollResponse['status'] | undefined;
  #isConnected = false;
  /** Whether a delivery could not even be written down; it will come again, but not at once. */
  #isTroubled = false;

  constructor(options: PollLoopOptions) {
    this.#options = options;
    this.#backoff = new Backoff({ firstMs: 500, maxMs: 30_000, clock: options.clock });
  }

  /**
   * Runs until aborted, and waits for what it began.
   *
   * @throws DwError `DW_AEDS_CLIENT_REVOKED`.
   */
  async run(signal: AbortSignal): Promise<void> {
    const { emit } = this.#options;
    try {
      while (!signal.aborted) {
        try {
          if (await this.#poll(signal)) this.#backoff.reset();
          else await this.#backoff.wait({ signal });
        } catch (error) {
          if (isAborted(signal)) return;
          if (!DwError.is(error) || DwError.is(error, 'DW_AEDS_CLIENT_REVOKED')) throw error;
          this.#isConnected = false;
          emit({ type: 'disconnected', code: error.code, message: error.message });
          await this.#backoff.wait({ signal });
        }
      }
    } finally {
      await Promise.allSettled(this.#active.values());
    }
  }

  /** Asks once. Returns whether it may ask again at once. */
  async #poll(signal: AbortSignal): Promise<boolean> {
    const { server, journal, subscriptions, clock } = this.#options;
    await this.#waitForCapacity(signal);
    const capacity = maxParallel - this.#active.size;
    const unreported = journal.unreported().map(({ jobId }) => jobId);
    const inHand = [...this.#active.keys(), ...unreported].slice(0, maxInHand);
    const waitMs = this.#isConnected && capacity > 0 ? MAX_POLL_WAIT_MS : 0;
    const startedMs = clock.monotonicMs();
    const response = await server.poll(
      {
        ...{ waitMs, inHand, capacity, subscriptions: [...subscriptions] },
        ...(this.#status !== undefined && { status: this.#status }),
      },
      signal,
    );
    this.#options.preferences.update(response.transfer);
    const isNews = this.#note(response);
    for (const delivery of response.deliveries) this.#begin(delivery, response, signal);
    const isTroubled = this.#isTroubled;
    this.#isTroubled = false;
    if (isTroubled) return false;
    return isNews || response.deliveries.length > 0 || clock.monotonicMs() - startedMs > quickMs;
  }

  /** Notes where the client stands. Returns whether that is new. */
  #note({ status, channels }: PollResponse): boolean {
    const { emit, recipient } = this.#options;
    const { clientId } = recipient;
    const wasConnected = this.#isConnected;
    if (!wasConnected) emit({ type: 'connected' });
    this.#isConnected = true;
    if (status === 'revoked') throw aedsError('DW_AEDS_CLIENT_REVOKED', { details: { clientId } });
    if (status === this.#status) return !wasConnected;
    this.#status = status;
    if (status === 'pending') emit({ type: 'pending', clientId });
    else emit({ type: 'approved', clientId, channels });
    return true;
  }

  #begin(delivery: Delivery, response: PollResponse, signal: AbortSignal): void {
    const { worker, recipient, emit } = this.#options;
    const { jobId } = delivery;
    if (this.#active.has(jobId)) return;
    const whole = { ...recipient, channels: response.channels };
    const work = worker
      .handle(delivery, whole, signal)
      .catch((error: unknown) => {
        if (signal.aborted) return;
        this.#isTroubled = true;
        const code = DwError.is(error) ? error.code : 'DW_AEDS_FILE_IO';
        const message = error instanceof Error ? error.message : String(error);
        emit({ type: 'retrying', jobId, code, message });
      })
      .finally(() => {
        this.#active.delete(jobId);
      });
    this.#active.set(jobId, work);
  }

  /** Waits for a free hand, but not so long that the server takes the agent for dead. */
  async #waitForCapacity(signal: AbortSignal): Promise<void> {
    if (this.#active.size < maxParallel) return;
    using waiting = new LinkedAbort(signal);
    const { clock } = this.#options;
    const heartbeat = delay(MAX_POLL_WAIT_MS, { clock, signal: waiting.signal });
    try {
      await Promise.race([heartbeat, ...this.#active.values()]);
    } finally {
      waiting.abort();
      await heartbeat.catch(() => undefined);
    }
  }
}
