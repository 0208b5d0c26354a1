import { hostname } from 'node:os';
import { type Clock, ConcurrencyLimit, LinkedAbort, systemClock } from '@datawarehouse/sdk';
import { clientCapabilities } from '../collections/client-record.js';
import { openKeyPair } from '../identity/key-pair-file.js';
import { TrustStore } from '../manifests/trust-store.js';
import { agentPaths } from './agent-directory.js';
import type { AgentListener } from './agent-events.js';
import { DeliveryJournal } from './delivery-journal.js';
import { DeliveryWorker } from './delivery-worker.js';
import { lockDirectory } from './directory-lock.js';
import { joinServer } from './join-server.js';
import { PollLoop } from './poll-loop.js';
import { ReportOutbox } from './report-outbox.js';
import { ServerConnection } from './server-connection.js';
import { TransferPreferences } from './transfer-preferences.js';
import { TrustedServer } from './trusted-server.js';

/** Requests for payloads at a time, of all deliveries together. */
const maxRequests = 64;

export interface AgentOptions {
  /** Origin of the server. */
  readonly endpoint: string;
  /** Folder of the agent's own; see `AgentPaths` for what is in it. */
  readonly directory: string;
  /** Needed until it is enrolled. */
  readonly pin?: string;
  /** @defaultValue the name of the machine */
  readonly name?: string;
  /** Channels to subscribe to. Where there are none, those of the last time. */
  readonly channels: readonly string[];
  readonly trustFile?: string;
  /** Ends after the first delivery that has ended and been reported. */
  readonly once?: boolean;
  readonly emit: AgentListener;
  readonly clock?: Clock;
}

/** What {@link runAgent} tells when it ends by itself. */
export interface AgentResult {
  readonly jobId: string;
  readonly state: string;
}

/**
 * Runs the client side until aborted: enrols where it has not, listens, and takes each manifest to
 * its end.
 *
 * @returns The first delivery, with `once`.
 * @throws DwError `DW_AEDS_DIRECTORY_IN_USE`, what `enrol` throws, `DW_AEDS_CLIENT_REVOKED`;
 *   `signal.reason` when aborted.
 */
export async function runAgent(options: AgentOptions, signal: AbortSignal): Promise<AgentResult> {
  const clock = options.clock ?? systemClock;
  const connection = new ServerConnection(options.endpoint, clock);
  const lock = await lockDirectory(options.directory);
  try {
    return await serve({ ...options, clock }, connection, signal);
  } finally {
    await connection[Symbol.asyncDispose]();
    await lock[Symbol.asyncDispose]();
  }
}

async function serve(
  options: AgentOptions & { readonly clock: Clock },
  connection: ServerConnection,
  signal: AbortSignal,
): Promise<AgentResult> {
  const { emit, clock } = options;
  const paths = agentPaths(options.directory);
  const identity = await openKeyPair(paths.identity);
  const capabilities = clientCapabilities.receivePassive | clientCapabilities.receiveNotify;
  const { serverId, anchors, channels } = await joinServer(paths.server, emit, {
    ...{ connection, identity, capabilities, signal },
    ...{ pin: options.pin, channels: options.channels, trustFile: options.trustFile },
    name: options.name ?? hostname(),
  });
  const trust = new TrustStore(anchors);
  const server = new TrustedServer({ connection, identity, serverId, trust });
  const journal = await DeliveryJournal.open(paths.state);
  using ending = new LinkedAbort(signal);
  let result: AgentResult | undefined;
  const tell: AgentListener = (event) => {
    emit(event);
    if (options.once !== true || event.type !== 'reported') return;
    result ??= { jobId: event.jobId, state: event.state };
    ending.abort();
  };
  const preferences = new TransferPreferences();
  const outbox = new ReportOutbox({ journal, server, preferences, emit: tell, clock });
  const requests = new ConcurrencyLimit(maxRequests);
  const worker = new DeliveryWorker({
    ...{ paths, server, trust, journal, outbox, requests, preferences, clock },
    emit: tell,
  });
  const loop = new PollLoop({
    ...{ server, worker, journal, preferences, clock },
    subscriptions: channels,
    recipient: { clientId: identity.keyId, serverId, capabilities },
    emit: tell,
  });
  await together([(both) => loop.run(both), (both) => outbox.run(both)], ending.signal);
  if (result !== undefined) return result;
  throw signal.reason as Error;
}

/** Runs tasks until the signal; the first that fails ends the others, and is what is thrown. */
async function together(
  tasks: readonly ((signal: AbortSignal) => Promise<void>)[],
  signal: AbortSignal,
): Promise<void> {
  using both = new LinkedAbort(signal);
  const failures: unknown[] = [];
  await Promise.all(
    tasks.map((task) =>
      task(both.signal).catch((error: unknown) => {
        if (both.signal.aborted) return;
        failures.push(error);
        both.abort();
      }),
    ),
  );
  if (failures.length > 0) throw failures[0];
}
