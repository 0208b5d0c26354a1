import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { firstLine, spawnDw } from './dw-process.js';

/** What a test node is started with. */
export interface NodeProcessOptions {
  /** Folder of the node: its configuration and its data. */
  readonly folder: string;
  readonly nodeId: string;
  readonly secret?: string;
  readonly peers?: readonly string[];
  /** Entries of the configuration's `plugins`. */
  readonly plugins?: readonly Readonly<Record<string, unknown>>[];
}

/** A plugin entry that replicates with short intervals. */
const quickReplication = {
  package: '@datawarehouse/plugin-ultimate-replication',
  required: true,
  config: { healthIntervalMs: 500, confirmTimeoutMs: 10_000 },
};

/** A plugin entry for AEDS. */
export const aedsCore = { package: '@datawarehouse/plugin-aeds-core', required: true };

/** A node in a process of its own, as an operator starts it. */
export class NodeProcess implements AsyncDisposable {
  readonly options: NodeProcessOptions;
  readonly configFile: string;
  #child: ChildProcess | undefined;
  #endpoint = '';
  #token = '';
  #port = 0;

  private constructor(options: NodeProcessOptions) {
    this.options = options;
    this.configFile = join(options.folder, 'dw.json');
  }

  static async start(options: NodeProcessOptions): Promise<NodeProcess> {
    const node = new NodeProcess(options);
    await mkdir(options.folder, { recursive: true });
    await node.startAgain();
    return node;
  }

  get endpoint(): string {
    return this.#endpoint;
  }

  get dataDirectory(): string {
    return join(this.options.folder, 'data');
  }

  /** Arguments that point `dw` at this node. */
  get flags(): readonly string[] {
    return ['--endpoint', this.#endpoint, '--token', this.#token];
  }

  /** Starts the process on the same data, and on the same port as before. */
  async startAgain(): Promise<void> {
    await writeFile(this.configFile, JSON.stringify(this.#configuration()));
    this.#child = spawnDw(['start', '--config', this.configFile, '--json']);
    await firstLine(this.#child);
    const state = JSON.parse(await readFile(join(this.dataDirectory, 'node.json'), 'utf8')) as {
      endpoint: string;
    };
    this.#endpoint = state.endpoint;
    this.#port = Number(new URL(state.endpoint).port);
    this.#token = (await readFile(join(this.dataDirectory, 'token'), 'utf8')).trim();
  }

  /** Calls the node's HTTP API with its token. */
  fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    headers.set('authorization', `Bearer ${this.#token}`);
    return fetch(this.#endpoint + path, { ...init, headers });
  }

  /** Ends the process at once, as `kill -9` does. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** Ends the process in order; resolves to its exit code. */
  async stop(): Promise<number | null> {
    return this.#end('SIGTERM');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end('SIGKILL');
  }

  async #end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) {
      return child?.exitCode ?? null;
    }
    const closed = once(child, 'close');
    child.kill(signal);
    await closed;
    return child.exitCode;
  }

  #configuration(): unknown {
    const { nodeId, secret, peers = [], plugins = [quickReplication] } = this.options;
    return {
      dataDirectory: './data',
      node: { id: nodeId },
      http: { port: this.#port },
      log: { level: 'warn', format: 'json' },
      cluster: { ...(secret !== undefined && { secret }), peers },
      plugins,
    };
  }
}
