import type { Clock } from '@datawarehouse/sdk';
import type { HostConfiguration } from './configuration/host-configuration.js';
import type { HostLogger } from './logging/host-logger.js';
import type { PluginStatus } from './running/plugin-status.js';

/** Options of {@link Host.start}. */
export interface HostOptions {
  readonly logger?: HostLogger;
  readonly clock?: Clock;
}

/** A running node. */
export declare class Host implements AsyncDisposable {
  static start(configuration: HostConfiguration, options?: HostOptions): Promise<Host>;
  readonly nodeId: string;
  readonly endpoint: string;
  readonly token: string;
  plugins(): readonly PluginStatus[];
  stop(options?: { readonly graceMs?: number }): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}
