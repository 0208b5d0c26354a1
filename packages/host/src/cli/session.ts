import type { ApiClient } from '@datawarehouse/sdk';
import type { ConfigurationOverrides } from '../configuration/configuration-overrides.js';
import type { HostConfiguration } from '../configuration/host-configuration.js';
import { loadConfiguration } from '../configuration/load-configuration.js';
import type { CliEnvironment } from './cli-environment.js';
import { HttpApiClient } from './client/http-api-client.js';
import { resolveNodeAddress } from './client/node-address.js';
import type { CommandContext, CommandDefinition } from './command-definition.js';
import type { GlobalOptions } from './global-options.js';
import { TerminalOutput } from './output/terminal-output.js';
import type { CommandValues } from './program.js';

/** One run of the command line: what its parts share, made when it is first asked for. */
export class CliSession implements AsyncDisposable {
  readonly output: TerminalOutput;
  readonly global: GlobalOptions;
  readonly #environment: CliEnvironment;
  #client: HttpApiClient | undefined;

  constructor(environment: CliEnvironment, global: GlobalOptions) {
    const { stdout, stderr } = environment;
    this.#environment = environment;
    this.global = global;
    this.output = new TerminalOutput({ stdout, stderr, isJson: global.json === true });
  }

  /** Loads the configuration that the user named, and lays the command line over it. */
  loadConfiguration(overrides: ConfigurationOverrides = {}): Promise<HostConfiguration> {
    return loadConfiguration({
      file: this.global.config,
      env: this.#environment.variables,
      flags: { dataDirectory: this.global.dataDir, ...overrides },
      cwd: this.#environment.workingDirectory,
    });
  }

  /** Runs a command. */
  async execute(definition: CommandDefinition, values: CommandValues): Promise<void> {
    await definition.run(await this.#context(definition, values));
  }

  /** Closes connections to the node. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client?.close();
  }

  async #context(definition: CommandDefinition, values: CommandValues): Promise<CommandContext> {
    const environment = this.#environment;
    const api = definition.isStandalone === true ? standalone : await this.#resolveApi();
    const names = (definition.arguments ?? []).map(({ name }) => name);
    return {
      arguments: Object.fromEntries(names.map((name, index) => [name, values.words[index]])),
      options: values.options as CommandContext['options'],
      words: values.words,
      global: this.global,
      environment,
      output: this.output,
      input: environment.stdin,
      signal: environment.signal,
      api,
      configuration: (overrides) => this.loadConfiguration(overrides),
    };
  }

  /** A command that never asks for the node must not fail because there is none. */
  async #resolveApi(): Promise<ApiClient> {
    try {
      return await this.#openClient();
    } catch (error) {
      return unavailable(error);
    }
  }

  async #openClient(): Promise<HttpApiClient> {
    const { global } = this;
    const { variables, signal } = this.#environment;
    const address = await resolveNodeAddress({
      flags: {
        ...(global.endpoint !== undefined && { endpoint: global.endpoint }),
        ...(global.token !== undefined && { token: global.token }),
      },
      variables,
      dataDirectory: async () => (await this.loadConfiguration()).dataDirectory,
    });
    const log = global.verbose === true ? { log: (line: string) => this.output.note(line) } : {};
    this.#client = new HttpApiClient({ address, signal, ...log });
    return this.#client;
  }
}

/** Fails at its first use with what kept the node from being found. */
function unavailable(error: unknown): ApiClient {
  return {
    get endpoint(): string {
      throw error;
    },
    request: async () => {
      throw error;
    },
  };
}

const standalone = unavailable(new TypeError('A standalone command asked for the node'));
