import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type {
  HostConfigurationInput,
  PluginEntry,
} from '../src/configuration/host-configuration.js';
import { resolveConfiguration } from '../src/configuration/load-configuration.js';
import { Host, type HostOptions } from '../src/host.js';
import type { HostLogger } from '../src/logging/host-logger.js';
import type { PluginStatus } from '../src/running/plugin-status.js';
import { type PluginPackageOptions, pluginSource, writePluginPackage } from './plugin-package.js';

/** A line of the log. */
export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

/** A logger that keeps its lines. */
export function recordingLogger(lines: LogLine[], base: object = {}): HostLogger {
  const write =
    (level: LogLine['level']) =>
    (fields: Readonly<Record<string, unknown>> | string, message?: string): void => {
      if (typeof fields === 'string') lines.push({ level, fields: { ...base }, message: fields });
      else lines.push({ level, fields: { ...base, ...fields }, message: message ?? '' });
    };
  return {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: (fields) => recordingLogger(lines, { ...base, ...fields }),
  };
}

/** A folder with plugin packages, and hosts that load them. */
export class HostBench implements AsyncDisposable {
  readonly root: string;
  /** What the plugins wrote with `note(…)`. */
  readonly notes: string[] = [];
  readonly log: LogLine[] = [];
  readonly #hosts: Host[] = [];

  private constructor(root: string) {
    this.root = root;
  }

  static async open(): Promise<HostBench> {
    const root = await mkdtemp(join(tmpdir(), 'dw-host-'));
    await mkdir(join(root, 'node_modules/@datawarehouse'), { recursive: true });
    const sdk = new URL('../../sdk', import.meta.url).pathname;
    await symlink(sdk, join(root, 'node_modules/@datawarehouse/sdk'));
    const bench = new HostBench(root);
    (globalThis as { dwNotes?: Map<string, string[]> }).dwNotes ??= new Map();
    (globalThis as { dwNotes?: Map<string, string[]> }).dwNotes?.set(root, bench.notes);
    return bench;
  }

  /** Writes a plugin with these members; they may call `note(text)` and use the names of the SDK. */
  async plugin(
    id: string,
    members: string,
    options: Partial<PluginPackageOptions> = {},
  ): Promise<void> {
    const code = `import * as sdk from '@datawarehouse/sdk';
const note = (text) => globalThis.dwNotes.get(${JSON.stringify(this.root)}).push(text);
let context;
${pluginSource(members)}`;
    await writePluginPackage(this.root, { id, code, ...options });
  }

  /** Starts a host with plugins by their ids. */
  async start(
    plugins: readonly (string | Partial<PluginEntry>)[],
    changes: HostConfigurationInput = {},
    options: HostOptions = {},
  ): Promise<Host> {
    const configuration = resolveConfiguration(
      {
        dataDirectory: 'data',
        http: { port: 0 },
        plugins: plugins.map((each) => (typeof each === 'string' ? { path: each } : each)),
        ...changes,
      },
      this.root,
    );
    const host = await Host.start(configuration, {
      logger: recordingLogger(this.log),
      ...options,
    });
    this.#hosts.push(host);
    return host;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const host of this.#hosts) await host.stop();
    await rm(this.root, { recursive: true, force: true });
  }
}

/** `id state CODE` of every plugin. */
export function summary(host: Host): readonly string[] {
  return host
    .plugins()
    .map(({ id, state, problems }: PluginStatus) =>
      [id, state, ...problems.map(({ code }) => code)].join(' '),
    );
}

/** Calls the API as its operator. */
export async function call(
  host: Host,
  path: string,
  request: { readonly method?: string; readonly json?: unknown } = {},
): Promise<{ readonly status: number; readonly body: unknown }> {
  const { method = 'GET', json } = request;
  const response = await fetch(host.endpoint + path, {
    method,
    headers: {
      authorization: `Bearer ${host.token}`,
      ...(json !== undefined && { 'content-type': 'application/json' }),
    },
    ...(json !== undefined && { body: JSON.stringify(json) }),
  });
  return { status: response.status, body: await response.json() };
}
