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
  readonly version: string;
}

/** Another node, as one node sees it. */
export interface SeenReplica {
  readonly nodeId: string;
  readonly active: boolean;
  /** Log entries that it has not confirmed yet. */
  readonly lag: number;
  /** Whether it is being copied from anew, because the log no longer reaches back far enough. */
  readonly resynchronising: boolean;
}

const writtenSchema = z.looseObject({ confirmedBy: z.array(z.string()) });
const namespacesSchema = z.looseObject({
  namespaces: z.array(z.string()),
  next: z.string().optional(),
});
const listSchema = z.looseObject({
  objects: z.array(
    z.looseObject({
      key: z.string(),
      digest: z.string(),
      sizeBytes: z.number(),
      version: z.string(),
    }),
  ),
  next: z.string().optional(),
});
const replicasSchema = z.looseObject({
  replicas: z.array(
    z.looseObject({
      nodeId: z.string(),
      active: z.boolean(),
      lag: z.number(),
      resynchronising: z.boolean(),
    }),
  ),
});

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

  /** @param options.isRepeated - Whether an earlier try may have removed it already. */
  async remove(name: ObjectName, options: { readonly isRepeated: boolean }): Promise<void> {
    try {
      const response = await this.#api.request('DELETE', objectPath(name));
      await response.json();
    } catch (error) {
      const isGone = DwError.is(error) && error.category === 'notFound';
      if (!isGone || !options.isRepeated) throw error;
    }
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
    for await (const { namespaces } of this.#pages('/api/v1/namespaces', namespacesSchema)) {
      for (const namespace of namespaces) {
        const path = apiPath('api', 'v1', 'objects', namespace);
        for await (const { objects } of this.#pages(path, listSchema)) {
          for (const { key, digest, sizeBytes, version } of objects) {
            yield { namespace, key, digest, sizeBytes, version };
          }
        }
      }
    }
  }

  /** The other nodes. */
  async replicas(): Promise<readonly SeenReplica[]> {
    const response = await this.#api.request('GET', '/api/v1/replicas');
    return parseAnswer(replicasSchema, await response.json()).replicas;
  }

  async *#pages<T extends { readonly next?: string | undefined }>(
    path: string,
    schema: z.ZodType<T>,
  ): AsyncGenerator<T> {
    let after: string | undefined;
    do {
      const response = await this.#api.request('GET', path, { query: { after, limit: 1000 } });
      const page = parseAnswer(schema, await response.json());
      yield page;
      after = page.next;
    } while (after !== undefined);
  }
}

function objectPath({ namespace, key }: ObjectName): string {
  return apiPath('api', 'v1', 'objects', namespace, key);
}
