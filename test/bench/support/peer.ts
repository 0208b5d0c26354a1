/**
 * Loads something to compare with, `undefined` where it is not installed.
 *
 * Peers are not dependencies: a benchmark says which ones it could not find.
 */
export async function loadPeer(
  name: string,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  try {
    return (await import(name)) as Readonly<Record<string, unknown>>;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}

/** Loads a file of one of our packages as built, which its package does not export. */
export async function loadBuilt<T>(path: string): Promise<T> {
  return (await import(new URL(`../../../../packages/${path}`, import.meta.url).href)) as T;
}
