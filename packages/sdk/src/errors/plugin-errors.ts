import { type ErrorTable, errorBuilder } from './define-errors.js';

/** Every code about plugins, their manifests and their services. */
export const pluginErrors = {
  DW_PLUGIN_MANIFEST_INVALID: {
    message: 'The plugin’s manifest is malformed',
    hint: 'Correct the "datawarehouse" field of its package.json.',
    category: 'invalid',
  },
  DW_PLUGIN_SERVICE_MISSING: {
    message: 'No such service is provided',
    hint: 'Name the plugin that provides it under "dependencies" in the manifest.',
    category: 'unavailable',
  },
  DW_PLUGIN_SERVICE_DUPLICATE: {
    message: 'The service is already provided',
    hint: 'Only IScalableSubsystem may be provided by several; load one provider.',
    category: 'conflict',
  },
  DW_PLUGIN_STOPPED: {
    message: 'The plugin has been stopped',
    hint: 'Open resources only between initializeAsync and stop.',
    category: 'unavailable',
  },
} as const satisfies ErrorTable;

/** A key of {@link pluginErrors}. */
export type PluginErrorCode = keyof typeof pluginErrors;

/** Builds a plugin error. */
export const pluginError = errorBuilder<PluginErrorCode>(pluginErrors);
