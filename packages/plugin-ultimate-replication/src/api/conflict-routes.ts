import type { HttpRoute } from '@datawarehouse/sdk';
import type { ConflictEntry } from '../conflict/conflict-entry.js';
import type { ConflictLog } from '../conflict/conflict-log.js';
import type { IReplicatedObjectStore } from '../objects/object-store-contract.js';
import { formatVersion } from '../objects/object-version.js';
import { pageQuery } from './page-query.js';

const url = '/api/v1/conflicts';

/** HTTP routes of the conflict log. */
export function conflictRoutes(
  log: ConflictLog,
  objects: IReplicatedObjectStore,
): readonly HttpRoute[] {
  return [
    {
      method: 'GET',
      path: url,
      summary: 'Lists what lost against a concurrent version, the latest first, page by page.',
      handle: async ({ query, signal }) => {
        const { conflicts, next } = await log.page({ ...pageQuery(query), signal });
        const { entryCount, heldBytes } = log;
        return { json: { conflicts: conflicts.map(describe), entryCount, heldBytes, next } };
      },
    },
    {
      method: 'GET',
      path: `${url}/:id`,
      summary: 'Shows an entry of the conflict log.',
      handle: async ({ params }) => ({ json: describe(await log.get(params.id ?? '')) }),
    },
    {
      method: 'GET',
      path: `${url}/:id/content`,
      summary: 'Reads the content that was discarded; nothing where that was a deletion.',
      handle: async ({ params }) => {
        const id = params.id ?? '';
        const { loser } = await log.get(id);
        const body = await log.content(id);
        if (body === undefined) return { status: 204 };
        const contentType = loser.contentType ?? 'application/octet-stream';
        return { headers: { 'content-type': contentType }, body };
      },
    },
    {
      method: 'POST',
      path: `${url}/:id/restore`,
      summary: 'Writes what was discarded as the latest version of its object.',
      handle: async ({ params, signal }) => {
        const id = params.id ?? '';
        const { namespace, key, contentType } = (await log.get(id)).loser;
        const content = await log.content(id);
        if (content === undefined) {
          return { json: await objects.delete(namespace, key, { signal }) };
        }
        return { json: await objects.put(namespace, key, content, { contentType, signal }) };
      },
    },
  ];
}

function describe({ id, loser, winner, ...decision }: ConflictEntry) {
  const { namespace, key, version, payload, contentType, updatedAtMs, strategy } = loser;
  return {
    id,
    namespace,
    key,
    /** The version that was discarded. */
    version: formatVersion(version),
    writtenBy: version.nodeId,
    isDeletion: payload === undefined,
    digest: payload?.digest,
    sizeBytes: payload?.sizeBytes,
    contentType,
    updatedAtMs,
    strategy,
    winner: formatVersion(winner),
    ...decision,
  };
}
