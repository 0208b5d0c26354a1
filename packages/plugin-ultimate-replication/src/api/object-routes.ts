import {
  type HttpRequest,
  type HttpResponse,
  type HttpRoute,
  parseByteRange,
} from '@datawarehouse/sdk';
import { replicationError } from '../errors/replication-errors.js';
import type { IReplicatedObjectStore, ReadableObject } from '../objects/object-store-contract.js';
import { pageQuery } from './page-query.js';

const collectionUrl = '/api/v1/objects';

/**
 * HTTP routes of objects. Names are segments of the path; since clients take the segments `.` and
 * `..` away before they send a path, names may be given in the query instead.
 */
export function objectRoutes(objects: IReplicatedObjectStore): readonly HttpRoute[] {
  return [
    ...routesOfObject(objects, `${collectionUrl}/:namespace/:key`),
    ...routesOfObject(objects, '/api/v1/object'),
    routeOfNamespace(objects, `${collectionUrl}/:namespace`),
    routeOfNamespace(objects, collectionUrl),
    {
      method: 'GET',
      path: '/api/v1/namespaces',
      summary: 'Lists the namespaces that hold objects, page by page.',
      handle: async ({ query, signal }) => ({
        json: await objects.namespaces({ ...pageQuery(query), signal }),
      }),
    },
  ];
}

function routesOfObject(objects: IReplicatedObjectStore, path: string): readonly HttpRoute[] {
  return [
    {
      method: 'PUT',
      path,
      summary: 'Stores an object; the body is its content.',
      handle: (request) => put(objects, request),
    },
    {
      method: 'GET',
      path,
      summary: 'Reads an object, or a byte range of it; or lists its concurrent versions.',
      handle: (request) => read(objects, request),
    },
    {
      method: 'DELETE',
      path,
      summary: 'Removes an object on every node.',
      handle: async (request) => {
        const { namespace, key } = nameOf(request);
        const context = request.headers['dw-context'];
        return { json: await objects.delete(namespace, key, { context, signal: request.signal }) };
      },
    },
  ];
}

function routeOfNamespace(objects: IReplicatedObjectStore, path: string): HttpRoute {
  return {
    method: 'GET',
    path,
    summary: 'Lists the objects of a namespace, page by page.',
    handle: async (request) => {
      const { namespace } = nameOf(request);
      const { prefix } = request.query;
      const page = { ...pageQuery(request.query), prefix, signal: request.signal };
      return { json: { namespace, ...(await objects.list(namespace, page)) } };
    },
  };
}

async function put(objects: IReplicatedObjectStore, request: HttpRequest): Promise<HttpResponse> {
  const { body, headers, contentLength, signal } = request;
  const { namespace, key } = nameOf(request);
  const receipt = await objects.put(namespace, key, body, {
    contentType: headers['content-type'],
    context: headers['dw-context'],
    expectedBytes: contentLength,
    signal,
  });
  return { json: receipt };
}

async function read(objects: IReplicatedObjectStore, request: HttpRequest): Promise<HttpResponse> {
  const { namespace, key } = nameOf(request);
  if (request.query.siblings === 'true') {
    const { siblings, context } = await objects.siblings(namespace, key);
    return { headers: { 'dw-context': context }, json: { namespace, key, context, siblings } };
  }
  const object = await objects.get(namespace, key, { version: request.query.version });
  const headers = headersOf(object);
  if (request.headers['if-none-match'] === headers.etag) return { status: 304, headers };
  const ifRange = request.headers['if-range'];
  const asked =
    ifRange === undefined || ifRange === headers.etag ? request.headers.range : undefined;
  const range = parseByteRange(asked, object.sizeBytes);
  if (range.kind === 'unsatisfiable') return unsatisfiable(object.sizeBytes);
  const { start, end } = range.kind === 'part' ? range : { start: 0, end: object.sizeBytes };
  const isPart = range.kind === 'part';
  return {
    status: isPart ? 206 : 200,
    headers: {
      ...headers,
      'content-length': String(end - start),
      ...(isPart && { 'content-range': `bytes ${start}-${end - 1}/${object.sizeBytes}` }),
    },
    ...(request.method === 'GET' && { body: object.open({ start, end, signal: request.signal }) }),
  };
}

/** 416 is the one status that no category of errors has. */
function unsatisfiable(sizeBytes: number): HttpResponse {
  const { code, message, hint, retryable, details } = replicationError(
    'DW_REPLICATION_RANGE_NOT_SATISFIABLE',
    { details: { sizeBytes } },
  );
  return {
    status: 416,
    headers: { 'content-range': `bytes */${sizeBytes}` },
    json: { error: { code, message, hint, retryable, details } },
  };
}

function headersOf(object: ReadableObject) {
  return {
    'content-type': object.contentType ?? 'application/octet-stream',
    'accept-ranges': 'bytes',
    etag: `"${object.digest}"`,
    'last-modified': new Date(object.updatedAtMs).toUTCString(),
    'dw-version': object.version,
    'dw-strategy': object.strategy,
    'dw-context': object.context,
    'dw-siblings': String(object.siblingCount),
  };
}

function nameOf({ params, query }: HttpRequest): {
  readonly namespace: string;
  readonly key: string;
} {
  const { namespace = query.namespace ?? '', key = query.key ?? '' } = params;
  return { namespace, key };
}
