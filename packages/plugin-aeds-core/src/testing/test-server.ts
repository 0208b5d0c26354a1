import type { HttpMethod } from '@datawarehouse/sdk';
import {
  callRoute,
  createTestPluginContext,
  type TestPluginContext,
  type TestPluginContextOptions,
} from '@datawarehouse/sdk/testing';
import { AedsCorePlugin } from '../aeds-core-plugin.js';
import type { JobDetail } from '../delivery/job-view.js';
import type { Publication } from '../delivery/publisher.js';
import { type RouteServer, serveRoutes } from './serve-routes.js';

/** The plugin on a test context, with its routes behind a real HTTP server. */
export interface TestServer extends AsyncDisposable {
  readonly context: TestPluginContext;
  readonly http: RouteServer;
  /** Calls an operator's route. */
  call(method: HttpMethod, path: string, body?: unknown): Promise<unknown>;
  invite(): Promise<string>;
  publish(query: Readonly<Record<string, string>>, payload: Uint8Array): Promise<Publication>;
  job(jobId: string): Promise<JobDetail>;
}

/** Starts the plugin. Give store and data directory to start it again over what it left. */
export async function startTestServer(
  options: TestPluginContextOptions = {},
  port = 0,
): Promise<TestServer> {
  const context = createTestPluginContext({ pluginId: 'aeds', ...options });
  const plugin = new AedsCorePlugin();
  await plugin.initializeAsync(context);
  await plugin.startAsync();
  const http = await serveRoutes(context, port);
  const call = async (method: HttpMethod, path: string, body?: unknown): Promise<unknown> =>
    (await callRoute(context, method, path, { body: body ?? {} })).json;
  return {
    context,
    http,
    call,
    invite: async () => {
      const made = (await call('POST', '/aeds/v1/clients/invitations')) as { readonly pin: string };
      return made.pin;
    },
    publish: async (query, payload) => {
      const path = `/aeds/v1/publications?${new URLSearchParams(query).toString()}`;
      return (await call('POST', path, payload)) as Publication;
    },
    job: async (jobId) => (await call('GET', `/aeds/v1/jobs/${jobId}`)) as JobDetail,
    [Symbol.asyncDispose]: async () => {
      await plugin.stopAsync(AbortSignal.timeout(1000));
      await http[Symbol.asyncDispose]();
      await context[Symbol.asyncDispose]();
    },
  };
}
