/**
 * The reference host: loads plugins, and gives them a store, a bus, a cluster and an HTTP API.
 *
 * @packageDocumentation
 */

// Errors
export { type ApiErrorCode, apiErrors } from './api/api-errors.js';
export { type CliErrorCode, cliErrors } from './cli/cli-errors.js';
export { type QuickstartErrorCode, quickstartErrors } from './cli/quickstart/quickstart-errors.js';
export { type ClusterErrorCode, clusterErrors } from './cluster/cluster-errors.js';
// Configuration
export type { ConfigurationOverrides } from './configuration/configuration-overrides.js';
export {
  bundledPlugins,
  type HostConfiguration,
  type HostConfigurationInput,
  type PluginEntry,
} from './configuration/host-configuration.js';
export {
  type LoadConfigurationOptions,
  loadConfiguration,
  resolveConfiguration,
} from './configuration/load-configuration.js';
export { type HostErrorCode, hostErrors } from './errors/host-errors.js';
// The node
export { Host, type HostOptions } from './host.js';
export { createHostLogger, type HostLogger } from './logging/host-logger.js';
// The store
export {
  ClassicLevelBackingStore,
  type ClassicLevelBackingStoreOptions,
} from './persistence/classic-level-backing-store.js';
export type { GroupCommitStatistics } from './persistence/group-commit-writer.js';
export type {
  KeyRange,
  StoreFinding,
  StoreRecovery,
} from './persistence/recovery/store-recovery.js';
// Plugins
export type { PluginProblem, PluginState, PluginStatus } from './running/plugin-status.js';
