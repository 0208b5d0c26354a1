import type { HttpRoute } from '@datawarehouse/sdk';
import { clusterRoutes } from './cluster-routes.js';
import { healthRoutes } from './health-routes.js';
import { metricsRoute } from './metrics-route.js';
import { pluginRoutes } from './plugin-routes.js';
import type { RouteSources } from './route-sources.js';
import { scalingRoutes } from './scaling-routes.js';
import { statusRoute } from './status-route.js';

/** Every route that the host itself serves. */
export function hostRoutes(sources: RouteSources): readonly HttpRoute[] {
  const { view } = sources;
  return [
    ...healthRoutes(view),
    statusRoute(sources),
    ...pluginRoutes(view),
    ...scalingRoutes(view),
    ...clusterRoutes(view),
    metricsRoute(sources),
  ];
}
