import type { HttpRoute } from '@datawarehouse/sdk';
import { z } from 'zod';
import { replicationError } from '../errors/replication-errors.js';
import type { ReplicaRegistry } from '../replicas/replica-registry.js';
import type { ReplicationSync } from '../sync/replication-sync.js';
import type { SyncControl } from '../sync/sync-control.js';

/** What the routes of synchronisation work with. */
export interface SyncRoutesOptions {
  readonly sync: ReplicationSync;
  readonly control: SyncControl;
  readonly registry: ReplicaRegistry;
}

const url = '/api/v1/sync';

const syncSchema = z.strictObject({
  /** Default: the configured mode. */
  mode: z.enum(['online', 'offline', 'airGap', 'hybrid']).optional(),
  dataSetFilter: z.string().max(512).optional(),
  sinceMs: z.number().optional(),
});

const rewindSchema = z.union([
  z.strictObject({ sequence: z.int().min(0) }),
  z.strictObject({ timeMs: z.number() }),
]);

/** HTTP routes of synchronisation: do it, see how far it is, pause, resume, rewind, reseed. */
export function syncRoutes(options: SyncRoutesOptions): readonly HttpRoute[] {
  const { registry } = options;
  const known = (nodeId = ''): string => {
    if (registry.get(nodeId) !== undefined) return nodeId;
    throw replicationError('DW_REPLICATION_UNKNOWN_REPLICA', {
      message: `There is no replica "${nodeId.slice(0, 64)}"`,
    });
  };
  return [...exchangeRoutes(options, known), ...controlRoutes(options, known)];
}

type Known = (nodeId: string | undefined) => string;

function exchangeRoutes({ sync, registry }: SyncRoutesOptions, known: Known): readonly HttpRoute[] {
  return [
    {
      method: 'GET',
      path: url,
      summary: 'Tells where the synchronisation with each replica stands.',
      handle: async () => ({
        json: {
          mode: sync.currentMode,
          replicas: registry.list().map(({ nodeId }) => sync.status(nodeId)),
        },
      }),
    },
    {
      method: 'GET',
      path: `${url}/:id`,
      summary: 'Tells where the synchronisation with a replica stands.',
      handle: async ({ params }) => ({ json: sync.status(known(params.id)) }),
    },
    {
      method: 'POST',
      path: `${url}/:id`,
      summary: 'Synchronises with a replica, and answers what that did.',
      bodySchema: syncSchema,
      handle: async ({ params, json, signal }) => {
        const { mode = sync.currentMode, dataSetFilter, sinceMs } = syncSchema.parse(json);
        const request = {
          ...{ targetNodeId: known(params.id), mode },
          ...(dataSetFilter !== undefined && { dataSetFilter }),
          ...(sinceMs !== undefined && { sinceMs }),
        };
        return { json: await sync.sync(request, { signal }) };
      },
    },
  ];
}

function controlRoutes({ sync, control }: SyncRoutesOptions, known: Known): readonly HttpRoute[] {
  return [
    {
      method: 'PUT',
      path: `${url}/:id/pause`,
      summary: 'Sends nothing to a replica, and does not synchronise with it, until resumed.',
      handle: async ({ params }) => {
        await control.pause(known(params.id));
        return { json: sync.status(known(params.id)) };
      },
    },
    {
      method: 'DELETE',
      path: `${url}/:id/pause`,
      summary: 'Goes on with a replica.',
      handle: async ({ params }) => {
        await control.resume(known(params.id));
        return { json: sync.status(known(params.id)) };
      },
    },
    {
      method: 'POST',
      path: `${url}/:id/rewind`,
      summary: 'Takes over the log of a replica again from an earlier sequence or time.',
      bodySchema: rewindSchema,
      handle: async ({ params, json }) => ({
        json: await control.rewind(known(params.id), rewindSchema.parse(json)),
      }),
    },
    {
      method: 'POST',
      path: `${url}/:id/reseed`,
      summary: 'Fetches all that a replica has.',
      handle: async ({ params, signal }) => ({
        json: await control.reseed(known(params.id), signal),
      }),
    },
  ];
}
