import { type HttpRequest, type HttpRoute, NODE_ID_PATTERN } from '@datawarehouse/sdk';
import { z } from 'zod';
import { replicationError } from '../errors/replication-errors.js';
import type { TrustedKey } from '../sync/bundles/bundle-reader.js';
import type { BundleUploads } from '../sync/bundles/bundle-uploads.js';
import type { BundleWriter } from '../sync/bundles/bundle-writer.js';

/** What the routes of bundles work with. */
export interface BundleRoutesOptions {
  readonly bundleWriter: BundleWriter;
  readonly uploads: BundleUploads;
  /** Keys of members, and keys that the operator has pinned. */
  readonly trustedKey: TrustedKey;
  /** Only keys that the operator has pinned. */
  readonly pinnedKey: TrustedKey;
}

const uploadUrl = '/api/v1/bundles/:id';

const importSchema = z.strictObject({
  /** Key that the bundle must be signed with, raw Ed25519 in base64url. */
  publicKey: z
    .string()
    .regex(/^[A-Za-z0-9_-]{43}$/)
    .optional(),
  /** Trusts no key of a member, only pinned ones. */
  airGap: z.boolean().optional(),
});

const exportSchema = z.object({
  to: z.string().regex(NODE_ID_PATTERN, 'to is the id of a node'),
  namespace: z.string().max(512).optional(),
  sinceMs: z.coerce.number().min(0).optional(),
  afterSequence: z.coerce.number().int().min(0).optional(),
});

/** HTTP routes by which bundles leave and enter this node. */
export function bundleRoutes(options: BundleRoutesOptions): readonly HttpRoute[] {
  const { bundleWriter, uploads } = options;
  return [
    {
      method: 'GET',
      path: '/api/v1/bundle',
      summary: 'Streams a signed bundle of objects for another node.',
      handle: async ({ query, signal }) => {
        const request = exportSchema.safeParse(query);
        if (!request.success) throw invalidQuery(request.error.issues[0]?.message);
        const { to, namespace, sinceMs, afterSequence } = request.data;
        const bundle = bundleWriter.write({
          ...{ audience: to, dataSetFilter: namespace, sinceMs, afterSequence, signal },
        });
        // What can be refused is refused before the answer begins.
        const first = await bundle.next();
        return {
          headers: { 'content-type': 'application/octet-stream' },
          body: resumed(first, bundle),
        };
      },
    },
    {
      method: 'GET',
      path: uploadUrl,
      summary: 'Tells how much of a bundle has been uploaded, and how far its import is.',
      handle: async ({ params }) => ({ json: await uploads.state(params.id ?? '') }),
    },
    {
      method: 'PUT',
      path: uploadUrl,
      summary: 'Adds bytes to the upload of the bundle with this SHA-256.',
      handle: async ({ params, query, body, signal }) => ({
        json: await uploads.append(params.id ?? '', offsetOf(query), body, signal),
      }),
    },
    {
      method: 'POST',
      path: `${uploadUrl}/import`,
      summary: 'Verifies an uploaded bundle as a whole, and applies it.',
      bodySchema: importSchema,
      handle: (request) => importUpload(request, options),
    },
  ];
}

async function importUpload(
  { params, json, signal }: HttpRequest,
  { uploads, trustedKey, pinnedKey }: BundleRoutesOptions,
) {
  const { publicKey, airGap = false } = importSchema.parse(json);
  const known = airGap ? pinnedKey : trustedKey;
  const outcome = await uploads.import(params.id ?? '', {
    trustedKey: publicKey === undefined ? known : () => publicKey,
    signal,
  });
  const { header, recordCount, changedCount, conflictCount, refusedCount } = outcome;
  return {
    json: {
      ...{ recordCount, changedCount, conflictCount, refusedCount },
      origin: header.origin,
      bundleId: header.bundleId,
      range: header.range,
    },
  };
}

async function* resumed(
  first: IteratorResult<Uint8Array, unknown>,
  rest: AsyncGenerator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  if (first.done !== true) yield first.value;
  yield* rest;
}

function offsetOf({ offset = '0' }: HttpRequest['query']): number {
  const value = Number(offset);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw invalidQuery('offset is a whole number of bytes');
}

function invalidQuery(message = 'The query is malformed'): Error {
  return replicationError('DW_REPLICATION_INVALID_QUERY', { message });
}
