import { type ErrorTable, errorBuilder } from '@datawarehouse/sdk';

/** Every code of the host's configuration, of loading and running plugins, and of its start. */
export const hostErrors = {
  DW_CONFIG_UNREADABLE: {
    message: 'The configuration file cannot be read',
    hint: 'Check the path given with --config and the permissions of the file.',
    category: 'notFound',
  },
  DW_CONFIG_FORMAT: {
    message: 'The configuration file has an unknown extension',
    hint: 'Use .json, .yaml, .yml, .ts, .mts, .js or .mjs.',
    category: 'invalid',
  },
  DW_CONFIG_SYNTAX: {
    message: 'The configuration file is malformed',
    hint: 'Correct the file at the line that the message names.',
    category: 'invalid',
  },
  DW_CONFIG_INVALID: {
    message: 'The configuration is not valid',
    hint: 'Correct the keys that the message names; config.schema.json describes all of them.',
    category: 'invalid',
  },
  DW_HOST_DATA_DIRECTORY: {
    message: 'The data directory cannot be used',
    hint: 'Choose another one with --data-dir, or give this user the right to write there.',
    category: 'denied',
  },
  DW_HOST_TOKEN: {
    message: 'The access token file is malformed',
    hint: 'Remove the file; the host makes a new token at its next start.',
    category: 'invalid',
  },
  DW_HOST_PORT_IN_USE: {
    message: 'The port is in use',
    hint: 'Stop what uses it, or choose another port with --port; 0 takes any free one.',
    category: 'conflict',
  },
  DW_HOST_ADDRESS: {
    message: 'The host cannot listen on the address',
    hint: 'Check http.host and http.port; ports below 1024 need special rights.',
    category: 'invalid',
  },
  DW_HOST_REQUIRED_PLUGIN: {
    message: 'Required plugins did not start',
    hint: 'Correct what the message names, or set "required": false for the plugins.',
    category: 'unavailable',
  },
  DW_HOST_STOPPED: {
    message: 'The host is stopping',
    hint: 'Send the request to another node, or again when this one is back.',
    category: 'unavailable',
    retryable: true,
  },
  DW_HOST_SUBSYSTEM_UNKNOWN: {
    message: 'No plugin provides this scalable subsystem',
    hint: 'See `dw limits` for the names of the subsystems.',
    category: 'notFound',
  },
  DW_PLUGIN_NOT_FOUND: {
    message: 'The plugin cannot be found',
    hint: 'Install its package beside the configuration file, or correct its name or path.',
    category: 'notFound',
  },
  DW_PLUGIN_SDK_RANGE: {
    message: 'The plugin needs another version of the SDK',
    hint: 'Install a version of the plugin that supports this SDK, or another host.',
    category: 'invalid',
  },
  DW_PLUGIN_DUPLICATE: {
    message: 'Two plugins have the same id',
    hint: 'Remove one of them from "plugins" in the configuration.',
    category: 'conflict',
  },
  DW_PLUGIN_CONFIG_INVALID: {
    message: 'The plugin’s section of the configuration is not valid',
    hint: 'Correct "config" of the plugin in the configuration.',
    category: 'invalid',
  },
  DW_PLUGIN_DEPENDENCY_MISSING: {
    message: 'The plugin needs another plugin that is not loaded',
    hint: 'Add the missing plugin to "plugins" in the configuration.',
    category: 'unavailable',
  },
  DW_PLUGIN_DEPENDENCY_CYCLE: {
    message: 'Plugins depend on one another in a circle',
    hint: 'Remove one of the dependencies from its manifest, or one of the plugins.',
    category: 'invalid',
  },
  DW_PLUGIN_DEPENDENCY_FAILED: {
    message: 'A plugin that the plugin needs did not start',
    hint: 'Correct the plugin that the message names first.',
    category: 'unavailable',
  },
  DW_PLUGIN_IMPORT_FAILED: {
    message: 'The plugin’s module cannot be imported',
    hint: 'Look at the cause; check that the package is built and its dependencies are installed.',
    category: 'unavailable',
  },
  DW_PLUGIN_ENTRY_INVALID: {
    message: 'The plugin’s module does not export createPlugin, or it returns no plugin',
    hint: 'Export a function createPlugin() that returns an object with initializeAsync.',
    category: 'invalid',
  },
  DW_PLUGIN_FAILED: {
    message: 'The plugin threw an error',
    hint: 'Look at the cause in the log; tell the author of the plugin.',
    category: 'unavailable',
  },
  DW_PLUGIN_TIMEOUT: {
    message: 'The plugin did not finish in time',
    hint: 'Raise "timeouts" in the configuration if it needs longer; else tell its author.',
    category: 'timeout',
  },
  DW_PLUGIN_NOT_RUNNING: {
    message: 'The plugin is not running',
    hint: 'Try again when the node is ready; see `dw plugins` for the state of the plugin.',
    category: 'unavailable',
    retryable: true,
  },
} as const satisfies ErrorTable;

/** A key of {@link hostErrors}. */
export type HostErrorCode = keyof typeof hostErrors;

/** Builds an error of the host. */
export const hostError = errorBuilder<HostErrorCode>(hostErrors);
