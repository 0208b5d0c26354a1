import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type DwError, pluginError } from '@datawarehouse/sdk';
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { closest } from '../configuration/configuration-issues.js';
import { isRecord } from '../configuration/configuration-overrides.js';
import { hostError } from '../errors/host-errors.js';
import type { DiscoveredPlugin } from './discovered-plugin.js';

/** A plugin's section with the defaults of its schema, or what is wrong with it. */
export type CheckedConfig =
  | { readonly config: Readonly<Record<string, unknown>> }
  | { readonly error: DwError };

const options = { allErrors: true, useDefaults: true, strict: false, validateFormats: false };

/** Checks a plugin's section of the configuration by the JSON Schema that its manifest names. */
export async function checkPluginConfig(plugin: DiscoveredPlugin): Promise<CheckedConfig> {
  const { configSchema } = plugin.manifest;
  const config = structuredClone(plugin.config) as Record<string, unknown>;
  if (configSchema === undefined) return { config };
  let validate: ValidateFunction;
  try {
    validate = compile(JSON.parse(await readFile(join(plugin.directory, configSchema), 'utf8')));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const error = pluginError('DW_PLUGIN_MANIFEST_INVALID', {
      message: `Plugin ${plugin.id}: its configuration schema ${configSchema} cannot be used: ${reason}`,
      hint: 'Correct the JSON Schema that "configSchema" in its manifest names.',
      cause,
      details: { pluginId: plugin.id, file: configSchema },
    });
    return { error };
  }
  if (validate(config)) return { config };
  const issues = (validate.errors ?? []).map((issue) => issueText(issue, validate.schema));
  const error = hostError('DW_PLUGIN_CONFIG_INVALID', {
    message: `The configuration of plugin ${plugin.id} is not valid: ${issues.join('; ')}`,
    hint: `Correct "config" of ${plugin.packageName} under "plugins" in the configuration.`,
    details: { pluginId: plugin.id, issues },
  });
  return { error };
}

function compile(schema: unknown): ValidateFunction {
  if (!isRecord(schema)) throw new TypeError('it is no object');
  const isDraft7 = typeof schema.$schema === 'string' && schema.$schema.includes('draft-07');
  const ajv = isDraft7 ? new Ajv(options) : new Ajv2020(options);
  return ajv.compile({ ...schema });
}

function issueText(issue: ErrorObject, schema: unknown): string {
  const key = `config${issue.instancePath.replaceAll('/', '.')}`;
  if (issue.keyword !== 'additionalProperties') return `${key} ${issue.message ?? 'is not valid'}`;
  const name = String(issue.params.additionalProperty);
  const isTop = issue.instancePath === '' && isRecord(schema) && isRecord(schema.properties);
  const intended = isTop ? closest(name, Object.keys(schema.properties as object)) : undefined;
  const guess = intended === undefined ? '' : `; did you mean "${intended}"?`;
  return `${key}.${name} is no known key${guess}`;
}
