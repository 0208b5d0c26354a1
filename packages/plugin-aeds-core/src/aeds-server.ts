import { join } from 'node:path';
import {
  BackpressureGate,
  ConcurrencyLimit,
  ContentPacks,
  ContentStore,
  type PluginContext,
  storePath,
} from '@datawarehouse/sdk';
import { type AedsCollections, openCollections } from './collections/aeds-collections.js';
import { type AedsConfiguration, parseConfiguration } from './configuration.js';
import { ChannelDirectory } from './delivery/channel-directory.js';
import { ClientDesk } from './delivery/client-desk.js';
import { ClientSignals } from './delivery/client-signals.js';
import { DELIVER_HANDLER, Dispatcher } from './delivery/dispatcher.js';
import { ExpiryWatch } from './delivery/expiry-watch.js';
import { FleetIndex } from './delivery/fleet-index.js';
import { JobView } from './delivery/job-view.js';
import { PollDesk } from './delivery/poll-desk.js';
import { Publisher } from './delivery/publisher.js';
import { ReportDesk } from './delivery/report-desk.js';
import { TargetLedger } from './delivery/target-ledger.js';
import { EnrolmentDesk } from './enrolment/enrolment-desk.js';
import { Invitations } from './enrolment/invitations.js';
import { type KeyPair, openKeyPair } from './identity/key-pair-file.js';
import { JobEngine } from './jobs/job-engine.js';
import { JobLifecycle } from './jobs/job-lifecycle.js';
import { ManifestValidator } from './manifests/manifest-validator.js';
import { TrustStore } from './manifests/trust-store.js';
import { AedsScalingManager } from './scaling/aeds-scaling-manager.js';
import { PayloadServer } from './transfer/payload-server.js';
import { type TransferSettings, TransferTuner } from './transfer/transfer-tuner.js';

/** The parts of the server side, put together. Nothing runs yet. */
export interface AedsServer extends JobParts {
  readonly configuration: AedsConfiguration;
  readonly fleet: FleetIndex;
  /** Signs manifests, and answers to clients. */
  readonly key: KeyPair;
  readonly trust: TrustStore;
  readonly serverId: string;
  readonly content: ContentStore;
  readonly collections: AedsCollections;
  readonly scaling: AedsScalingManager;
  readonly expiries: ExpiryWatch;
  readonly directory: ChannelDirectory;
  readonly invitations: Invitations;
  readonly jobView: JobView;
  readonly clientDesk: ClientDesk;
  readonly publisher: Publisher;
  readonly enrolment: EnrolmentDesk;
  readonly polls: PollDesk;
  readonly reports: ReportDesk;
  readonly payloads: PayloadServer;
}

interface JobParts {
  readonly ledger: TargetLedger;
  readonly signals: ClientSignals;
  readonly validator: ManifestValidator;
  readonly dispatcher: Dispatcher;
  readonly gate: BackpressureGate;
  readonly running: ConcurrencyLimit;
  readonly lifecycle: JobLifecycle;
  readonly engine: JobEngine;
}

/** Opens the server side over what the host gives the plugin. What must be closed belongs to its scope. */
export async function openServer(context: PluginContext): Promise<AedsServer> {
  const { store, clock, logger, scope, dataDirectory, node } = context;
  const configuration = parseConfiguration(context.config);
  const serverId = node.nodeId;
  const key = await openKeyPair(join(dataDirectory, 'keys', 'transport.pem'));
  const own = { keyId: key.keyId, publicKey: key.publicKey, role: 'transport' };
  const trust = new TrustStore([own, ...configuration.trustAnchors]);
  const content = await ContentStore.open({
    ...{ store, path: storePath('aeds', 'content'), clock },
    medium: await ContentPacks.open({ directory: join(dataDirectory, 'content') }),
  });
  scope.own(content);
  const collections = openCollections(store);
  for (const collection of Object.values(collections)) scope.own(collection);

  const fleet = scope.own(new FleetIndex(collections.clients));
  const jobs = await openJobs(context, { collections, trust, configuration, fleet });
  const { ledger, lifecycle, signals, engine, validator, dispatcher } = jobs;
  const tuner = new TransferTuner(clock);
  const reading = new ConcurrencyLimit(1);
  const scaling = new AedsScalingManager({
    ...{ collections, engine, gate: jobs.gate, tuner, signals },
    concurrency: [jobs.running, reading],
  });
  const directory = await ChannelDirectory.open(collections.channels, clock);
  const invitations = new Invitations(store, clock);
  const transfer = (): TransferSettings => scaling.transferSettings();
  const expire = (jobId: string): Promise<void> => dispatcher.expire(jobId);
  const expiries = scope.own(new ExpiryWatch({ store, expire, clock, logger }));
  const { maxPayloadBytes } = configuration;
  return {
    ...{ configuration, fleet, key, trust, serverId, content, collections, scaling, expiries },
    ...{ ...jobs, directory, invitations },
    jobView: new JobView(collections, ledger),
    clientDesk: new ClientDesk({ clients: collections.clients, signals, ledger, clock }),
    publisher: new Publisher({
      ...{ collections, content, engine, lifecycle, validator, expiries, fleet, key, serverId },
      ...{ maxPayloadBytes, clock },
    }),
    enrolment: new EnrolmentDesk({ collections, invitations, trust, serverId, clock }),
    polls: new PollDesk({ collections, directory, ledger, signals, transfer, clock }),
    reports: new ReportDesk(ledger, transfer),
    payloads: new PayloadServer({ content, tuner, concurrency: reading, clock }),
  };
}

/** Opens the job engine, and what its jobs work on. Limits come from the scaling manager. */
async function openJobs(
  { store, clock, logger, scope }: PluginContext,
  {
    collections,
    trust,
    configuration,
    fleet,
  }: Pick<AedsServer, 'collections' | 'trust' | 'configuration' | 'fleet'>,
) {
  const lifecycle = new JobLifecycle(collections.jobs, store, clock);
  const ledger = new TargetLedger(store, clock);
  const signals = new ClientSignals();
  const validator = new ManifestValidator(collections.validations, trust, clock);
  const gate = scope.own(new BackpressureGate({ subsystemName: 'aeds', clock }));
  const running = new ConcurrencyLimit(1);
  const engine = await JobEngine.open({
    ...{ store, gate, concurrency: running, clock, logger },
    partitionCount: configuration.partitions,
    timeLimitMs: configuration.jobTimeLimitMs,
    maxAttempts: configuration.jobMaxAttempts,
  });
  const dispatcher = new Dispatcher({
    ...{ collections, engine, fleet, lifecycle, ledger, validator, signals, clock },
  });
  engine.register(DELIVER_HANDLER, dispatcher.handler);
  return { ledger, lifecycle, signals, validator, dispatcher, gate, running, engine };
}
