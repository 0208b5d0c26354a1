import type { DwError, PluginManifest } from '@datawarehouse/sdk';

/** A plugin whose manifest was read and whose SDK range fits. None of its code has been run. */
export interface DiscoveredPlugin {
  /** Id from the manifest. */
  readonly id: string;
  readonly manifest: PluginManifest;
  /** Name in its package.json, or its folder where it has none. */
  readonly packageName: string;
  readonly version: string;
  /** Absolute folder of the package, symbolic links resolved. */
  readonly directory: string;
  /** Whether the host refuses to start without it. */
  readonly required: boolean;
  /** Its section of the configuration, as written. */
  readonly config: Readonly<Record<string, unknown>>;
}

/** A plugin that is not loaded, and every reason. */
export interface PluginRefusal {
  /** Id from the manifest; where there is none, what the configuration names. */
  readonly id: string;
  readonly packageName: string;
  readonly required: boolean;
  /** At least one; each names the plugin and says what to do. */
  readonly errors: readonly DwError[];
  /** Absent where the package could not be read. */
  readonly version?: string;
  /** Absent where it could not be read. */
  readonly manifest?: PluginManifest;
}
