import { z } from 'zod';
import { isSdkRange } from '../compatibility/sdk-version.js';
import { pluginError } from '../errors/plugin-errors.js';

/** Shape of a plugin id, and of a command's name. */
const idPattern = /^[a-z][a-z0-9-]{0,63}$/;

const relativeFile = z
  .string()
  .regex(
    /^\.\/(?!(?:.*\/)?\.\.(?:\/|$)).+$/,
    'must be a path inside the package, such as ./dist/x.js',
  );

const contributedCommand = z.strictObject({
  name: z.string().regex(idPattern),
  summary: z.string().min(1).max(200),
});

/** Schema of the `datawarehouse` field of a plugin's package.json. */
export const pluginManifestSchema = z.strictObject({
  /** Unique name: lower-case letters, digits and dashes. */
  id: z.string().regex(idPattern),
  /** Module that exports `createPlugin`, relative to the package. */
  entry: relativeFile,
  /** npm range of SDK versions that the plugin runs with. */
  sdk: z.string().refine(isSdkRange, 'must be an npm version range, such as ^6.0.0'),
  /** Ids of plugins that must be initialised first. */
  dependencies: z.array(z.string().regex(idPattern)).max(100).default([]),
  /** Ids of plugins that are initialised first where they are loaded. */
  optionalDependencies: z.array(z.string().regex(idPattern)).max(100).default([]),
  /** JSON Schema file for the plugin's section of the configuration, relative to the package. */
  configSchema: relativeFile.optional(),
  /** What the plugin adds to the host. */
  contributes: z
    .strictObject({
      /** Module that exports `commands`, a list of `CliCommand`, and their names for the help. */
      commands: z
        .strictObject({ module: relativeFile, list: z.array(contributedCommand).min(1).max(100) })
        .optional(),
    })
    .default({}),
});

/** A plugin's manifest, checked and complete. */
export type PluginManifest = Readonly<z.output<typeof pluginManifestSchema>>;

/**
 * Parses the `datawarehouse` field of a package.json.
 *
 * @param source - Where it was read, for the error.
 * @throws {@link DwError} `DW_PLUGIN_MANIFEST_INVALID`.
 */
export function parsePluginManifest(value: unknown, source: string): PluginManifest {
  const result = pluginManifestSchema.safeParse(value);
  if (result.success) return Object.freeze(result.data);
  const issues = result.error.issues.map(
    (issue) => `${issue.path.join('.') || 'datawarehouse'}: ${issue.message}`,
  );
  throw pluginError('DW_PLUGIN_MANIFEST_INVALID', {
    message: `The manifest of ${source} is malformed: ${issues.join('; ')}`,
    details: { source, issues },
  });
}
