/**
 * Distributes signed payloads from a DataWarehouse node to a fleet.
 *
 * @packageDocumentation
 */

import type { IPlugin } from '@datawarehouse/sdk';
import { AedsCorePlugin } from './aeds-core-plugin.js';

export { AedsCorePlugin } from './aeds-core-plugin.js';
export { type AedsErrorCode, aedsError, aedsErrors } from './errors/aeds-errors.js';
export { AedsScalingManager } from './scaling/aeds-scaling-manager.js';

/** Makes the plugin, for the host. */
export function createPlugin(): IPlugin {
  return new AedsCorePlugin();
}
