import { type IPersistentBackingStore, MAX_CACHE_ENTRIES } from '@datawarehouse/sdk';
import { channelRecordSchema } from './channel-record.js';
import { clientRecordSchema, clientStatusOf } from './client-record.js';
import { Collection } from './collection.js';
import { jobRecordSchema } from './job-record.js';
import { manifestRecordSchema, validationRecordSchema } from './manifest-record.js';

/** Names of the collections, as in store paths and metric keys. */
export const collectionNames = ['manifests', 'validations', 'jobs', 'clients', 'channels'] as const;
export type CollectionName = (typeof collectionNames)[number];

/** Cache entries of each collection for one of `maxCacheEntries`. */
const entryShares: Readonly<Record<CollectionName, number>> = {
  manifests: 1,
  validations: 5,
  jobs: 10,
  clients: 1,
  channels: 0.1,
};

/** Entries that a collection's cache may hold under `maxCacheEntries`. */
export function collectionEntries(name: CollectionName, maxCacheEntries: number): number {
  const entries = Math.floor(maxCacheEntries * entryShares[name]);
  return Math.min(MAX_CACHE_ENTRIES, Math.max(1, entries));
}

/** The five collections of AEDS over one store. */
export type AedsCollections = ReturnType<typeof openCollections>;

export function openCollections(store: IPersistentBackingStore) {
  return Object.freeze({
    manifests: new Collection({ name: 'manifests', store, schema: manifestRecordSchema }),
    validations: new Collection({ name: 'validations', store, schema: validationRecordSchema }),
    jobs: new Collection({
      ...{ name: 'jobs', store, schema: jobRecordSchema },
      indexes: { status: ({ status }) => [status], channel: ({ channelIds = [] }) => channelIds },
    }),
    clients: new Collection({
      ...{ name: 'clients', store, schema: clientRecordSchema },
      indexes: {
        status: (client) => [clientStatusOf(client)],
        channel: ({ subscribedChannels }) => subscribedChannels,
      },
    }),
    channels: new Collection({ name: 'channels', store, schema: channelRecordSchema }),
  });
}
