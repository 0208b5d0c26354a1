import { DwError } from '@datawarehouse/sdk';
import { aedsError } from '../errors/aeds-errors.js';

const fullCodes: ReadonlySet<unknown> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/** Reads the system's code of an error, such as `ENOENT`. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** Turns an error of the file system into one of ours; others stay as they are. */
export function fileError(cause: unknown, path: string): unknown {
  const systemError = systemCode(cause);
  if (systemError === undefined || DwError.is(cause)) return cause;
  const code = fullCodes.has(systemError) ? 'DW_AEDS_DISK_FULL' : 'DW_AEDS_FILE_IO';
  return aedsError(code, { cause, details: { path, systemError } });
}
