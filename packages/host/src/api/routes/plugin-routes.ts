import type { HttpRoute } from '@datawarehouse/sdk';
import { apiError } from '../api-errors.js';
import type { HostView } from '../host-view.js';

/** The plugins and their states. */
export function pluginRoutes(view: HostView): readonly HttpRoute[] {
  return [
    {
      method: 'GET',
      path: '/api/v1/plugins',
      summary: 'All plugins with their states.',
      handle: async () => ({ json: { plugins: view.plugins() } }),
    },
    {
      method: 'GET',
      path: '/api/v1/plugins/:id',
      summary: 'One plugin with its state, health and problems.',
      handle: async ({ params }) => {
        const plugin = view.plugins().find(({ id }) => id === params.id);
        if (plugin !== undefined) return { json: plugin };
        throw apiError('DW_API_UNKNOWN_PLUGIN', {
          message: `There is no plugin ${params.id ?? ''}`,
          details: { plugin: params.id, known: view.plugins().map(({ id }) => id) },
        });
      },
    },
  ];
}
