import type {
  BackingStoreCallOptions,
  IPersistentBackingStore,
} from './persistent-backing-store.js';

/** Paths that are asked for one by one at a time. */
const maxAtATime = 32;

/** What {@link IPersistentBackingStore.existsMany} says, also of a store that has no such method. */
export async function existsMany(
  store: IPersistentBackingStore,
  paths: readonly string[],
  options?: BackingStoreCallOptions,
): Promise<readonly boolean[]> {
  if (store.existsMany !== undefined) return store.existsMany(paths, options);
  const exist: boolean[] = [];
  for (let at = 0; at < paths.length; at += maxAtATime) {
    const some = paths.slice(at, at + maxAtATime);
    exist.push(...(await Promise.all(some.map((path) => store.exists(path, options)))));
  }
  return exist;
}
