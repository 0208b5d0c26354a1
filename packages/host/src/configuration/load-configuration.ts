import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { hostError } from '../errors/host-errors.js';
import { type ConfigurationFile, readConfigurationFile } from './configuration-file.js';
import { configurationIssues } from './configuration-issues.js';
import {
  applyOverrides,
  type ConfigurationOverrides,
  environmentNames,
  environmentOverrides,
  isRecord,
  type Origins,
} from './configuration-overrides.js';
import { type HostConfiguration, hostConfigurationSchema } from './host-configuration.js';

/** Where {@link loadConfiguration} looks. */
export interface LoadConfigurationOptions {
  /** JSON, YAML, TypeScript or JavaScript file, relative to `cwd`. Default: none. */
  readonly file?: string | undefined;
  /** Environment, of which the variables `DW_*` count. Default: that of the process. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** What the command line sets. */
  readonly flags?: ConfigurationOverrides;
  /** Default: the working directory. */
  readonly cwd?: string;
}

/**
 * Makes a configuration from flags over environment over file over defaults, and checks it.
 *
 * @throws DwError `DW_CONFIG_UNREADABLE`, `DW_CONFIG_FORMAT`, `DW_CONFIG_SYNTAX`,
 *   `DW_CONFIG_INVALID` with every issue in `details.issues`.
 */
export async function loadConfiguration(
  options: LoadConfigurationOptions = {},
): Promise<HostConfiguration> {
  const { env = process.env, flags = {}, cwd = process.cwd() } = options;
  const file =
    options.file === undefined
      ? undefined
      : await readConfigurationFile(resolve(cwd, options.file));
  const fromEnvironment = applyOverrides(
    withoutEmptySections(file?.value),
    environmentOverrides(env),
    {
      cwd,
      origin: (key) => environmentNames[key],
    },
  );
  const fromFlags = applyOverrides(fromEnvironment.value, flags, {
    cwd,
    origin: () => 'the command line',
  });
  const origins = new Map([...fromEnvironment.origins, ...fromFlags.origins]);
  return check(fromFlags.value, {
    file,
    origins,
    directory: file === undefined ? resolve(cwd) : dirname(file.file),
  });
}

/**
 * Completes and checks a configuration made in code.
 *
 * @param directory - What relative names are resolved from. Default: the working directory.
 * @throws DwError `DW_CONFIG_INVALID`.
 */
export function resolveConfiguration(
  value: unknown,
  directory: string = process.cwd(),
): HostConfiguration {
  return check(value, { file: undefined, origins: new Map(), directory: resolve(directory) });
}

/** A section that YAML leaves empty (`http:`) is null; it means the same as none. */
function withoutEmptySections(value: unknown): unknown {
  if (value === undefined || value === null) return {};
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).filter(([, section]) => section !== null));
}

interface Source {
  readonly file: ConfigurationFile | undefined;
  readonly origins: Origins;
  readonly directory: string;
}

function check(value: unknown, source: Source): HostConfiguration {
  const result = hostConfigurationSchema.safeParse(value);
  if (!result.success) {
    const issues = configurationIssues(result.error).map(({ key, path, message }) => {
      const origin = source.origins.get(key);
      const line = origin === undefined ? source.file?.lineOf(path) : undefined;
      const place = origin ?? (line === undefined ? undefined : `line ${line}`);
      return `${key}${place === undefined ? '' : ` (${place})`}: ${message}`;
    });
    const subject = source.file === undefined ? 'The configuration' : source.file.file;
    throw hostError('DW_CONFIG_INVALID', {
      message: `${subject} is not valid: ${issues.join('; ')}`,
      details: { issues, ...(source.file && { file: source.file.file }) },
    });
  }
  const { node, http, log, cluster, plugins, scaling, timeouts } = result.data;
  const dataDirectory = absolute(result.data.dataDirectory, source.directory);
  const { directory } = source;
  return deepFreeze({
    directory,
    dataDirectory,
    node,
    http,
    log,
    cluster,
    plugins,
    scaling,
    timeouts,
  });
}

function absolute(path: string, directory: string): string {
  if (path === '~' || path.startsWith('~/')) return join(homedir(), path.slice(1));
  return resolve(directory, path);
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFreeze(inner);
  }
  return value;
}
