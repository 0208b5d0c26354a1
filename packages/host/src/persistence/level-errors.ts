import { DwError, storeError } from '@datawarehouse/sdk';

/** What LevelDB and the file system say about a failure, innermost last. */
function causes(
  error: unknown,
): readonly { readonly code?: unknown; readonly message?: unknown }[] {
  const chain: { readonly code?: unknown; readonly message?: unknown }[] = [];
  for (let at = error; typeof at === 'object' && at !== null && chain.length < 8; ) {
    chain.push(at);
    at = (at as { readonly cause?: unknown }).cause;
  }
  return chain;
}

/** Whether the failure is that another handle has the database open. */
export function isLocked(error: unknown): boolean {
  return causes(error).some(({ code }) => code === 'LEVEL_LOCKED');
}

/** Turns a failure of LevelDB into the store's error. */
export function levelError(
  error: unknown,
  what: string,
  details: Readonly<Record<string, unknown>> = {},
): DwError {
  if (DwError.is(error)) return error;
  const chain = causes(error);
  const reason = String(chain.at(-1)?.message ?? error);
  const occurrence = { message: `The store failed to ${what}: ${reason}`, cause: error, details };
  if (/No space left on device|Disk quota exceeded/i.test(reason)) {
    return storeError('DW_STORE_FULL', occurrence);
  }
  if (chain.some(({ code }) => code === 'LEVEL_CORRUPTION')) {
    return storeError('DW_STORE_CORRUPT', occurrence);
  }
  return storeError('DW_STORE_IO', occurrence);
}
