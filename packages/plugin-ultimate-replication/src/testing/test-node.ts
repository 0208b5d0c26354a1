import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Clock,
  DwError,
  IClusterMembership,
  IPeerTransport,
  type IPersistentBackingStore,
  IReplicationSync,
  IScalableSubsystem,
} from '@datawarehouse/sdk';
import {
  callRoute,
  createTestPluginContext,
  MemoryBackingStore,
  MemoryMessageBus,
  type TestPluginContext,
} from '@datawarehouse/sdk/testing';
import { IReplicatedObjectStore } from '../objects/object-store-contract.js';
import { UltimateReplicationPlugin } from '../ultimate-replication-plugin.js';
import { MemoryMembership } from './memory-membership.js';
import { MemoryNetwork } from './memory-network.js';
import { MortalStore } from './mortal-store.js';
import { identityOf } from './test-identities.js';

/** How a {@link TestNode} starts. */
export interface TestNodeOptions {
  readonly network: MemoryNetwork;
  readonly nodeId: string;
  /** Other members at the start. */
  readonly members?: readonly string[];
  /** What outlives the node. */
  readonly medium?: IPersistentBackingStore;
  /** Its files. Default: a folder that goes with it. */
  readonly dataDirectory?: string;
  readonly config?: Readonly<Record<string, unknown>>;
  readonly clock?: Clock;
}

/** A node with the real plugin, in memory. */
export class TestNode implements AsyncDisposable {
  readonly nodeId: string;
  readonly medium: IPersistentBackingStore;
  readonly store: MortalStore;
  readonly context: TestPluginContext;
  readonly membership: MemoryMembership;
  readonly bus: MemoryMessageBus;
  readonly plugin = new UltimateReplicationPlugin();
  readonly #options: TestNodeOptions;
  #isGone = false;

  private constructor(options: TestNodeOptions) {
    this.#options = options;
    const { network, nodeId, medium = new MemoryBackingStore(), members = [] } = options;
    const { clock, dataDirectory } = options;
    this.nodeId = nodeId;
    this.medium = medium;
    this.store = new MortalStore(medium);
    this.store.onDeath = () => network.disconnect(nodeId);
    this.bus = new MemoryMessageBus();
    this.membership = new MemoryMembership(this.bus, members);
    this.context = createTestPluginContext({
      ...{ pluginId: 'ultimate-replication', store: this.store, bus: this.bus },
      config: { healthIntervalMs: 200, confirmTimeoutMs: 2_000, ...options.config },
      node: identityOf(nodeId),
      services: [
        [IClusterMembership, this.membership],
        [IPeerTransport, network.transport(nodeId)],
      ],
      ...(clock && { clock }),
      ...(dataDirectory !== undefined && { dataDirectory }),
    });
  }

  static async start(options: TestNodeOptions): Promise<TestNode> {
    const node = new TestNode(options);
    await node.plugin.initializeAsync(node.context);
    await node.plugin.startAsync();
    return node;
  }

  get objects(): IReplicatedObjectStore {
    return this.context.services.get(IReplicatedObjectStore);
  }

  get sync(): IReplicationSync {
    return this.context.services.get(IReplicationSync);
  }

  get scaling(): IScalableSubsystem {
    return this.context.services.get(IScalableSubsystem);
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  async replicas(): Promise<readonly ShownReplica[]> {
    const { json } = await callRoute(this.context, 'GET', '/api/v1/replicas');
    return (json as { readonly replicas: readonly ShownReplica[] }).replicas;
  }

  metric(key: string): number | string | boolean | undefined {
    return this.scaling.getScalingMetrics()[`replication.${key}`];
  }

  /** Stops it in order. */
  async stop(): Promise<void> {
    if (this.#isGone) return;
    this.#isGone = true;
    await this.plugin.stopAsync();
    await this.context[Symbol.asyncDispose]();
    this.#options.network.disconnect(this.nodeId);
  }

  /** Ends it as SIGKILL would: what was not durable is gone. */
  async kill(): Promise<void> {
    if (this.#isGone) return;
    this.#isGone = true;
    this.store.kill();
    this.#options.network.disconnect(this.nodeId);
    // Frees the timers of the dead process; it reaches neither store nor network.
    await this.plugin.stopAsync();
    await Promise.resolve(this.context[Symbol.asyncDispose]()).catch(() => undefined);
  }

  /** Starts a node again on what this one has left. */
  again(changes: Partial<TestNodeOptions> = {}): Promise<TestNode> {
    const members = this.membership.members().map(({ nodeId }) => nodeId);
    return TestNode.start({ ...this.#options, members, medium: this.medium, ...changes });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async put(namespace: string, key: string, text: string | Uint8Array) {
    return this.objects.put(namespace, key, typeof text === 'string' ? Buffer.from(text) : text);
  }

  /** Text of an object, or `undefined` where there is none. */
  async text(namespace: string, key: string): Promise<string | undefined> {
    const pieces: Uint8Array[] = [];
    try {
      for await (const piece of (await this.objects.get(namespace, key)).open()) pieces.push(piece);
    } catch (error) {
      if (DwError.is(error, 'DW_REPLICATION_NOT_FOUND')) return undefined;
      throw error;
    }
    return Buffer.concat(pieces).toString('utf8');
  }
}

/** The nodes of one test, stopped with it. */
export class TestCluster implements AsyncDisposable {
  readonly network = new MemoryNetwork();
  readonly nodes: TestNode[] = [];
  /** Files of the nodes, which outlive a node as its medium does. */
  readonly #folder = mkdtempSync(join(tmpdir(), 'dw-cluster-'));

  /** Starts nodes that all know one another, and waits until each follows the logs of the others. */
  static async start(
    nodeIds: readonly string[],
    options: Partial<TestNodeOptions> = {},
  ): Promise<TestCluster> {
    const cluster = new TestCluster();
    const nodes = await Promise.all(
      nodeIds.map((nodeId) => {
        const members = nodeIds.filter((other) => other !== nodeId);
        return cluster.#start({ nodeId, members, ...options });
      }),
    );
    // In the order of the ids, whichever has started first.
    cluster.nodes.push(...nodes);
    await cluster.settled();
    return cluster;
  }

  async add(options: Omit<TestNodeOptions, 'network'>): Promise<TestNode> {
    const node = await this.#start(options);
    this.nodes.push(node);
    return node;
  }

  #start(options: Omit<TestNodeOptions, 'network'>): Promise<TestNode> {
    const dataDirectory = join(this.#folder, options.nodeId);
    return TestNode.start({ network: this.network, dataDirectory, ...options });
  }

  /** Starts a node again on what it has left. */
  async again(index: number, changes: Partial<TestNodeOptions> = {}): Promise<TestNode> {
    const node = await this.at(index).again(changes);
    this.nodes[index] = node;
    return node;
  }

  at(index: number): TestNode {
    const node = this.nodes[index];
    if (node === undefined) throw new RangeError(`There is no node ${index}`);
    return node;
  }

  /** Waits until every running node has confirmed what every other has written. */
  async settled(limitMs?: number): Promise<void> {
    await eventually(
      'the nodes to settle',
      async () => {
        const running = this.nodes.filter(({ isGone }) => !isGone);
        const states = await Promise.all(running.map((node) => node.replicas()));
        return states.flat().every((replica) => {
          const isHere = running.some(({ nodeId }) => nodeId === replica.nodeId);
          if (!isHere) return true;
          const { lag, active, truncated, resynchronising, received } = replica;
          return active && lag === 0 && !truncated && !resynchronising && received !== undefined;
        });
      },
      limitMs,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop()));
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** A replica as the API shows it. */
export interface ShownReplica {
  readonly nodeId: string;
  readonly active: boolean;
  readonly lag: number;
  readonly truncated: boolean;
  readonly resynchronising: boolean;
  readonly received?: { readonly sequence: number };
  readonly position?: { readonly sequence: number };
  readonly consecutiveFailures: number;
}

/** Waits until `check` gives something other than `undefined` and `false`. */
export async function eventually<T>(
  what: string,
  check: () => Promise<T | undefined | false> | T | undefined | false,
  limitMs = 20_000,
): Promise<T> {
  const endMs = performance.now() + limitMs;
  for (;;) {
    const value = await check();
    if (value !== undefined && value !== false) return value;
    if (performance.now() > endMs) throw new Error(`Not in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
