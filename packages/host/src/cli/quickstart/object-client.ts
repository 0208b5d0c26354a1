import { createHash } from 'node:crypto';
import { type ApiClient, apiPath, DwError } from '@datawarehouse/sdk';
import { z } from 'zod';
import { parseAnswer } from './parse-answer.js';

/** Names an object. */
export interface ObjectName {
  readonly namespace: string;
  readonly key: string;
}

/** An object as a node lists it. */
export interface ListedObject extends ObjectName {
  readonly digest: string;
  readonly sizeBytes: number;
  /** Version, as text that is equal where the versions are. */
  readonly version: string;
}

/** Another node, as one node sees it. */
export interface SeenReplica {
  readonly nodeId: string;
  readonly active: boolean;
  /** Log entries that it has not confirmed yet. */
  readonly lag: number;
}

const writtenSchema = z.looseObject({ confirmedBy: z.array(z.string()) });
const namespacesSchema = z.looseObject({
  namespaces: z.array(z.looseObject({ namespace: z.string() })),
});
const listSchema = z.looseObject({
  objects: z.array(
    z.looseObject({
      key: z.string(),
      digest: z.string(),
      sizeBytes: z.number(),
      version: z.unknown(),
    }),
  ),
});
const replicasSchema = z.looseObject({
  replicas: z.array(z.looseObject({ nodeId: z.string(), active: z.boolean(), lag: z.number() })),
});

const pageEntries = 1000;

/** Reads and writes objects of one node. */
export class ObjectClient {
  readonly #api: ApiClient;

  constructor(api: ApiClient) {
    this.#api = api;
  }

  /** @returns The nodes that confirmed the write before it was answered. */
  async put(name: ObjectName, body: AsyncIterable<Uint8Array>): Promise<readonly string[]> {
    const response = await this.#api.request('PUT', objectPath(name), { body });
    return parseAnswer(writtenSchema, await response.json()).confirmedBy;
  }

  async remove(name: ObjectName): Promise<void> {
    const response = await this.#api.request('DELETE', objectPath(name));
    await drain(response.body);
  }

  /** SHA-256 of an object's bytes as they arrive; `undefined` where there is no such object. */
  async sha256(name: ObjectName): Promise<string | undefined> {
    const hash = createHash('sha256');
    try {
      const response = await this.#api.request('GET', objectPath(name));
      for await (const chunk of response.body) hash.update(chunk);
    } catch (error) {
      if (DwError.is(error) && error.category === 'notFound') return undefined;
      throw error;
    }
    return hash.digest('hex');
  }

  /** Every object of the node, by ascending namespace and key. */
  async *list(): AsyncGenerator<ListedObject> {
    const response = await this.#api.request('GET', '/api/v1/namespaces');
    const { namespaces } = parseAnswer(namespacesSchema, await response.json());
    for (const { namespace } of namespaces) yield* this.#listNamespace(namespace);
  }

  /** The other nodes. */
  async replicas(): Promise<readonly SeenReplica[]> {
    const response = await this.#api.request('GET', '/api/v1/replicas');
    return parseAnswer(replicasSchema, await response.json()).replicas;
  }

  async *#listNamespace(namespace: string): AsyncGenerator<ListedObject> {
    let after: string | undefined;
    for (;;) {
      const response = await this.#api.request('GET', apiPath('api', 'v1', 'objects', namespace), {
        query: { after, limit: pageEntries },
      });
      const { objects } = parseAnswer(listSchema, await response.json());
      for (const { key, digest, sizeBytes, version } of objects) {
        yield { namespace, key, digest, sizeBytes, version: JSON.stringify(version) };
      }
      const last = objects.at(-1)?.key;
      if (last === undefined || objects.length < pageEntries) return;
      after = last;
    }
  }
}

function objectPath({ namespace, key }: ObjectName): string {
  return apiPath('api', 'v1', 'objects', namespace, key);
}

async function drain(body: AsyncIterable<Uint8Array>): Promise<void> {
  const iterator = body[Symbol.asyncIterator]();
  // The connection is free again only when the answer has been read.
  for (let next = await iterator.next(); next.done !== true; ) next = await iterator.next();
}
