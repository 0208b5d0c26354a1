import { DwError, type Logger } from '@datawarehouse/sdk';
import { hostError, hostErrors } from '../errors/host-errors.js';

/** Says what went wrong in a plugin's own code, with its name; the host's errors have it already. */
export function pluginFailure(pluginId: string, stage: string, error: unknown): DwError {
  if (DwError.is(error) && Object.hasOwn(hostErrors, error.code)) return error;
  const reason = firstLine(error instanceof Error ? error.message : String(error));
  const hint = DwError.is(error) ? error.hint : undefined;
  return hostError('DW_PLUGIN_FAILED', {
    message: `Plugin ${pluginId} failed in ${stage}: ${reason}`,
    cause: error,
    ...(hint !== undefined && { hint }),
    details: { pluginId, stage, ...(DwError.is(error) && { code: error.code }) },
  });
}

/** Says that a plugin did not come to an end. */
export function timeoutFailure(pluginId: string, stage: string, limitMs: number): DwError {
  return hostError('DW_PLUGIN_TIMEOUT', {
    message: `Plugin ${pluginId} did not finish ${stage} within ${Math.round(limitMs)} ms`,
    details: { pluginId, stage, limitMs },
  });
}

/** Says that the host was told to stop before a plugin was at its end. */
export function stoppedFailure(pluginId: string, stage: string): DwError {
  return hostError('DW_HOST_STOPPED', {
    message: `The host stops before plugin ${pluginId} finished ${stage}`,
    details: { pluginId, stage },
  });
}

/** Every problem is one line; the rest stays in the cause. */
function firstLine(text: string): string {
  return (
    text
      .split('\n')
      .find((line) => line.trim() !== '')
      ?.trim() ?? text
  );
}

/** Logs what is wrong with a plugin in one line; the stack is of use only where its code threw. */
export function logPluginError(logger: Logger, pluginId: string, error: DwError): void {
  const { code, hint, cause, message } = error;
  logger.error(
    { plugin: pluginId, code, hint, ...(cause instanceof Error && { error: cause }) },
    message,
  );
}
