import { NODE_ID_PATTERN, scalingLimitsSchema } from '@datawarehouse/sdk';
import { z } from 'zod';

/** Plugins of a configuration that names none. */
export const bundledPlugins: readonly string[] = Object.freeze([
  '@datawarehouse/plugin-ultimate-replication',
  '@datawarehouse/plugin-aeds-core',
]);

const timeLimit = z.int().min(100).max(3_600_000);

const node = z
  .strictObject({
    id: z
      .string()
      .regex(NODE_ID_PATTERN, 'must be 1 to 64 letters, digits, dots, dashes or underscores')
      .optional()
      .describe('Unique name of the node in its cluster. Made once and kept where absent.'),
  })
  .prefault({})
  .describe('Who this node is.');

const http = z
  .strictObject({
    host: z.string().min(1).default('127.0.0.1').describe('Address to listen on.'),
    port: z.int().min(0).max(65_535).default(7080).describe('Port to listen on; 0 takes any.'),
    token: z
      .string()
      .min(16)
      .regex(/^[\x21-\x7e]+$/, 'must be visible ASCII characters without blanks')
      .optional()
      .describe('Access token of the API. Made once and kept in the data directory where absent.'),
    advertise: z
      .url({ protocol: /^https?$/ })
      .optional()
      .describe('Address that other nodes call. Follows from host and port where absent.'),
  })
  .prefault({})
  .describe('The HTTP API.');

const log = z
  .strictObject({
    level: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
    format: z
      .enum(['json', 'pretty', 'auto'])
      .default('auto')
      .describe('How lines are written; auto is pretty on a terminal, JSON elsewhere.'),
  })
  .prefault({})
  .describe('What is logged, and how.');

const cluster = z
  .strictObject({
    secret: z
      .string()
      .min(32)
      .optional()
      .describe('Shared by all nodes of the cluster; needed as soon as there is another node.'),
    peers: z
      .array(z.url({ protocol: /^https?$/ }))
      .max(1_000)
      .default([])
      .describe('Addresses of other nodes.'),
  })
  .refine(({ secret, peers }) => secret !== undefined || peers.length === 0, {
    path: ['secret'],
    message: 'is needed as soon as there are peers',
  })
  .prefault({})
  .describe('The other nodes.');

const plugin = z
  .strictObject({
    package: z.string().min(1).optional().describe('Name of an installed package.'),
    path: z.string().min(1).optional().describe('Folder of a plugin, relative to this file.'),
    required: z
      .boolean()
      .default(false)
      .describe('Whether the host refuses to start without the plugin.'),
    enabled: z.boolean().default(true).describe('Whether the plugin is loaded.'),
    config: z
      .record(z.string(), z.unknown())
      .default({})
      .describe('Section of the plugin, checked against its own schema.'),
  })
  .refine((entry) => (entry.package === undefined) !== (entry.path === undefined), {
    message: 'must name either a "package" or a "path"',
  });

const timeouts = z
  .strictObject({
    initializeMs: timeLimit.default(30_000).describe('For a plugin to initialise.'),
    startMs: timeLimit.default(30_000).describe('For a plugin to start.'),
    stopMs: timeLimit.default(30_000).describe('For all plugins to stop.'),
  })
  .prefault({})
  .describe('Time limits, in milliseconds.');

/** Schema of a configuration file, and of the whole configuration before it is resolved. */
export const hostConfigurationSchema = z
  .strictObject({
    $schema: z.string().optional().describe('Address of this schema, for editors.'),
    dataDirectory: z
      .string()
      .min(1)
      .default('~/.datawarehouse')
      .describe('Where the node keeps its state, relative to this file.'),
    node,
    http,
    log,
    cluster,
    plugins: z
      .array(plugin)
      .max(1_000)
      .prefault(() => bundledPlugins.map((name) => ({ package: name })))
      .describe('Plugins to load. Both bundled ones where absent.'),
    scaling: z
      .record(
        z.string().regex(/^[a-z][a-z0-9-]{0,63}$/),
        z.strictObject({ limits: scalingLimitsSchema.prefault({}) }),
      )
      .default({})
      .describe('Limits of scalable subsystems, by their names.'),
    timeouts,
  })
  .describe('Configuration of a DataWarehouse node.');

/** What a configuration file may hold. */
export type HostConfigurationInput = z.input<typeof hostConfigurationSchema>;

type DeepReadonly<T> = T extends (infer Item)[]
  ? readonly DeepReadonly<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> }
    : T;

/** A complete, checked, frozen configuration. Make one with `loadConfiguration`. */
export type HostConfiguration = DeepReadonly<
  Omit<z.output<typeof hostConfigurationSchema>, '$schema'>
> & {
  /** Absolute folder that names of packages and folders are resolved from. */
  readonly directory: string;
};

/** One plugin that the configuration names. */
export type PluginEntry = HostConfiguration['plugins'][number];
