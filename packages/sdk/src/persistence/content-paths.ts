import type { IPersistentBackingStore } from './persistent-backing-store.js';

/** Pages through the paths below a prefix; what is behind the page may change meanwhile. */
export async function* pathBatches(
  store: IPersistentBackingStore,
  prefix: string,
  limit: number,
): AsyncGenerator<readonly string[]> {
  let after: string | undefined;
  for (;;) {
    const paths: string[] = [];
    const options = { limit, ...(after !== undefined && { after }) };
    for await (const path of store.list(prefix, options)) paths.push(path);
    if (paths.length > 0) yield paths;
    after = paths.at(-1);
    if (paths.length < limit) return;
  }
}
