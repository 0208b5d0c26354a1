import type { HttpRoute } from '@datawarehouse/sdk';
import type { HostView } from '../host-view.js';
import { nodeHealth } from '../node-health.js';

/** Health and readiness, for load balancers and supervisors; open, and so without particulars. */
export function healthRoutes(view: HostView): readonly HttpRoute[] {
  return [
    {
      method: 'GET',
      path: '/health',
      summary: 'Whether the node works: healthy, degraded or, with status 503, unhealthy.',
      access: 'open',
      handle: async () => {
        const status = nodeHealth(view.plugins());
        return { status: status === 'unhealthy' ? 503 : 200, json: { status } };
      },
    },
    {
      method: 'GET',
      path: '/ready',
      summary: 'Whether the node takes work; status 503 while it does not.',
      access: 'open',
      handle: async () => {
        const isReady = view.isReady();
        return { status: isReady ? 200 : 503, json: { isReady } };
      },
    },
  ];
}
