import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { HttpApiClient } from '../client/http-api-client.js';
import type { ManagedProcess } from './managed-process.js';
import { ObjectClient } from './object-client.js';
import type { ProcessGroup } from './process-group.js';
import { quickstartError } from './quickstart-errors.js';

/** What a node of the quickstart is made from. */
export interface QuickstartNodeOptions {
  /** 1, 2 or 3. */
  readonly number: number;
  /** Folder of the node: its configuration and its data. */
  readonly folder: string;
  readonly clusterSecret: string;
  readonly peers: readonly string[];
  readonly isVerbose: boolean;
  readonly group: ProcessGroup;
  readonly signal: AbortSignal;
}

/** How long a node may take until it answers. */
const readyTimeoutMs = 60_000;

const readySchema = z.looseObject({ nodeId: z.string(), endpoint: z.url() });

/** A node in a process of its own, as an operator starts it. */
export class QuickstartNode implements AsyncDisposable {
  readonly nodeId: string;
  readonly configFile: string;
  readonly #options: QuickstartNodeOptions;
  #running: { readonly process: ManagedProcess; readonly api: HttpApiClient } | undefined;
  #endpoint = '';

  private constructor(options: QuickstartNodeOptions) {
    this.nodeId = `node-${options.number}`;
    this.configFile = join(options.folder, 'dw.json');
    this.#options = options;
  }

  /** Starts a node on a data directory of its own and any free port. */
  static async start(options: QuickstartNodeOptions): Promise<QuickstartNode> {
    const node = new QuickstartNode(options);
    await node.start();
    return node;
  }

  get name(): string {
    return `node ${this.#options.number}`;
  }

  get endpoint(): string {
    return this.#endpoint;
  }

  get dataDirectory(): string {
    return join(this.#options.folder, 'data');
  }

  get tokenFile(): string {
    return join(this.dataDirectory, 'token');
  }

  get isRunning(): boolean {
    return this.#running?.process.isRunning === true;
  }

  get process(): ManagedProcess {
    return this.#assertRunning().process;
  }

  get api(): HttpApiClient {
    return this.#assertRunning().api;
  }

  get objects(): ObjectClient {
    return new ObjectClient(this.api);
  }

  /** Starts the process: first on any free port, later on the same one and the same data. */
  async start(): Promise<void> {
    const { group, signal } = this.#options;
    await writeFile(this.configFile, JSON.stringify(this.#configuration(), undefined, 2), {
      mode: 0o600,
    });
    const args = ['start', '--config', this.configFile, '--json'];
    const name = this.#running === undefined ? this.name : `${this.name} again`;
    const process = group.start({ name, args });
    const line = await process.firstLine({ timeoutMs: readyTimeoutMs, signal });
    const ready = readySchema.safeParse(line);
    if (!ready.success) throw quickstartError('DW_QUICKSTART_ANSWER', { cause: ready.error });
    this.#endpoint = ready.data.endpoint;
    const address = {
      endpoint: this.#endpoint,
      token: (await readFile(this.tokenFile, 'utf8')).trim(),
      endpointSource: this.dataDirectory,
      tokenSource: this.tokenFile,
    };
    // No answer takes as long as this, and a wait without an end would hide what is wrong.
    const api = new HttpApiClient({ address, signal, silenceMs: 60_000 });
    this.#running = { process, api };
  }

  /** Ends the process at once, as `kill -9` does. */
  async kill(): Promise<void> {
    const { process, api } = this.#assertRunning();
    await process.kill();
    await api.close();
  }

  /** Closes the connections to it; the process belongs to the group. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running?.api.close();
  }

  #assertRunning(): { readonly process: ManagedProcess; readonly api: HttpApiClient } {
    if (this.#running !== undefined) return this.#running;
    throw new TypeError(`${this.name} was not started`);
  }

  #configuration(): unknown {
    const { clusterSecret, peers, isVerbose } = this.#options;
    return {
      dataDirectory: './data',
      node: { id: this.nodeId },
      http: { port: this.#endpoint === '' ? 0 : Number(new URL(this.#endpoint).port) },
      log: { level: isVerbose ? 'debug' : 'info', format: 'json' },
      cluster: { secret: clusterSecret, peers },
      plugins: [
        {
          package: '@datawarehouse/plugin-ultimate-replication',
          required: true,
          config: {
            // Short, so that a killed node is soon known to be away and soon known to be back.
            healthIntervalMs: 500,
            confirmTimeoutMs: 10_000,
            routes: [{ pattern: 'docs-sync/**', strategy: 'synchronous' }],
          },
        },
        { package: '@datawarehouse/plugin-aeds-core', required: true },
      ],
    };
  }
}
