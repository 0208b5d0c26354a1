import type { HttpRequest, HttpResponse, HttpRoute } from '@datawarehouse/sdk';
import { replicationError } from '../errors/replication-errors.js';
import type { IReplicatedObjectStore, ReadableObject } from '../objects/object-store-contract.js';
import { parseByteRange } from './byte-range.js';
import { pageQuery } from './page-query.js';

const objectUrl = '/api/v1/objects/:namespace/:key';

/** HTTP routes of objects. */
export function objectRoutes(objects: IReplicatedObjectStore): readonly HttpRoute[] {
  return [
    {
      method: 'PUT',
      path: objectUrl,
      summary: 'Stores an object; the body is its content.',
      handle: (request) => put(objects, request),
    },
    {
      method: 'GET',
      path: objectUrl,
      summary: 'Reads an object, or a byte range of it.',
      handle: (request) => read(objects, request),
    },
    {
      method: 'DELETE',
      path: objectUrl,
      summary: 'Removes an object on every node.',
      handle: async ({ params, signal }) => {
        const { namespace, key } = nameOf(params);
        return { json: await objects.delete(namespace, key, { signal }) };
      },
    },
    {
      method: 'GET',
      path: '/api/v1/objects/:namespace',
      summary: 'Lists the objects of a namespace, page by page.',
      handle: async ({ params, query, signal }) => {
        const { namespace } = nameOf(params);
        const { prefix } = query;
        const page = { ...pageQuery(query), prefix, signal };
        return { json: { namespace, ...(await objects.list(namespace, page)) } };
      },
    },
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

async function put(objects: IReplicatedObjectStore, request: HttpRequest): Promise<HttpResponse> {
  const { params, body, headers, contentLength, signal } = request;
  const { namespace, key } = nameOf(params);
  const receipt = await objects.put(namespace, key, body, {
    contentType: headers['content-type'],
    expectedBytes: contentLength,
    signal,
  });
  return { json: receipt };
}

async function read(objects: IReplicatedObjectStore, request: HttpRequest): Promise<HttpResponse> {
  const { namespace, key } = nameOf(request.params);
  const object = await objects.get(namespace, key);
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
  };
}

function nameOf(params: Readonly<Record<string, string>>): {
  readonly namespace: string;
  readonly key: string;
} {
  return { namespace: params.namespace ?? '', key: params.key ?? '' };
}
