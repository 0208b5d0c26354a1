import { resolve } from 'node:path';

/** Values that stand above those of the file, from the environment or the command line. */
export interface ConfigurationOverrides {
  /** Relative to the working directory. */
  readonly dataDirectory?: string | undefined;
  readonly nodeId?: string | undefined;
  readonly httpHost?: string | undefined;
  readonly httpPort?: string | number | undefined;
  readonly advertise?: string | undefined;
  readonly token?: string | undefined;
  readonly clusterSecret?: string | undefined;
  readonly clusterPeers?: readonly string[] | undefined;
  readonly logLevel?: string | undefined;
  readonly logFormat?: string | undefined;
}

/** Environment variables, by what they override. */
export const environmentNames: Readonly<Record<keyof ConfigurationOverrides, string>> =
  Object.freeze({
    dataDirectory: 'DW_DATA_DIR',
    nodeId: 'DW_NODE_ID',
    httpHost: 'DW_HTTP_HOST',
    httpPort: 'DW_HTTP_PORT',
    advertise: 'DW_HTTP_ADVERTISE',
    token: 'DW_TOKEN',
    clusterSecret: 'DW_CLUSTER_SECRET',
    clusterPeers: 'DW_CLUSTER_PEERS',
    logLevel: 'DW_LOG_LEVEL',
    logFormat: 'DW_LOG_FORMAT',
  });

const paths: Readonly<Record<keyof ConfigurationOverrides, readonly [string, string?]>> =
  Object.freeze({
    dataDirectory: ['dataDirectory'],
    nodeId: ['node', 'id'],
    httpHost: ['http', 'host'],
    httpPort: ['http', 'port'],
    advertise: ['http', 'advertise'],
    token: ['http', 'token'],
    clusterSecret: ['cluster', 'secret'],
    clusterPeers: ['cluster', 'peers'],
    logLevel: ['log', 'level'],
    logFormat: ['log', 'format'],
  });

/** Reads the overrides of the environment. An empty variable counts as absent. */
export function environmentOverrides(
  env: Readonly<Record<string, string | undefined>>,
): ConfigurationOverrides {
  const read = (key: keyof ConfigurationOverrides): string | undefined =>
    env[environmentNames[key]] || undefined;
  return {
    dataDirectory: read('dataDirectory'),
    nodeId: read('nodeId'),
    httpHost: read('httpHost'),
    httpPort: read('httpPort'),
    advertise: read('advertise'),
    token: read('token'),
    clusterSecret: read('clusterSecret'),
    clusterPeers: read('clusterPeers')
      ?.split(/[\s,]+/)
      .filter((peer) => peer !== ''),
    logLevel: read('logLevel'),
    logFormat: read('logFormat'),
  };
}

/** Where each overridden value came from, by its dotted path. */
export type Origins = ReadonlyMap<string, string>;

/**
 * Lays overrides over a configuration.
 *
 * @param origin - Says where a value came from, for errors.
 */
export function applyOverrides(
  value: unknown,
  overrides: ConfigurationOverrides,
  options: { readonly cwd: string; readonly origin: (key: keyof ConfigurationOverrides) => string },
): { readonly value: unknown; readonly origins: Origins } {
  const origins = new Map<string, string>();
  if (!isRecord(value)) return { value, origins };
  const result: Record<string, unknown> = { ...value };
  for (const key of Object.keys(paths) as (keyof ConfigurationOverrides)[]) {
    const given = overrides[key];
    if (given === undefined) continue;
    const [section, name] = paths[key];
    const set = typed(key, given, options.cwd);
    if (name === undefined) result[section] = set;
    else {
      const held = result[section] ?? {};
      // A malformed section stays as it is: the check that follows names it.
      if (!isRecord(held)) continue;
      result[section] = { ...held, [name]: set };
    }
    origins.set(paths[key].join('.'), options.origin(key));
  }
  return { value: result, origins };
}

function typed(
  key: keyof ConfigurationOverrides,
  given: string | number | readonly string[],
  cwd: string,
): unknown {
  if (key === 'httpPort' && typeof given === 'string' && /^\d+$/.test(given)) return Number(given);
  if (key === 'dataDirectory' && typeof given === 'string' && !given.startsWith('~')) {
    return resolve(cwd, given);
  }
  return given;
}

/** Reports whether a value is an object with keys. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
