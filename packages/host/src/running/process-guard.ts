import { sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Logger } from '@datawarehouse/sdk';

/** What {@link guardProcess} needs. */
export interface ProcessGuardOptions {
  readonly logger: Logger;
  /** The plugins, by the folders that their code lies in. */
  readonly plugins: () => readonly { readonly id: string; readonly directory: string }[];
  /** Told of an error that is nobody's, after which the process must end. */
  readonly onDidFail: (error: unknown) => void;
}

/**
 * Logs errors that a plugin leaves uncaught in a timer or a promise, where Node would end the
 * process. One whose stack leads to no plugin may be the host's own, and its state is unknown then.
 */
export function guardProcess(options: ProcessGuardOptions): Disposable {
  const { logger, plugins, onDidFail } = options;
  const ownerOf = (error: unknown): string | undefined => {
    const stack = error instanceof Error ? (error.stack ?? '') : '';
    return plugins().find(({ directory }) => liesIn(stack, directory))?.id;
  };
  const onRejection = (error: unknown): void => {
    logger.error(
      { error, plugin: ownerOf(error) },
      'a promise was rejected, and nobody took notice',
    );
  };
  const onException = (error: unknown): void => {
    const plugin = ownerOf(error);
    logger.error({ error, plugin }, 'an error was not caught');
    if (plugin === undefined) onDidFail(error);
  };
  process.on('unhandledRejection', onRejection);
  process.on('uncaughtException', onException);
  return {
    [Symbol.dispose]: () => {
      process.off('unhandledRejection', onRejection);
      process.off('uncaughtException', onException);
    },
  };
}

/** Whether a stack leads to a folder: modules stand there by their addresses, others by their paths. */
function liesIn(stack: string, directory: string): boolean {
  return (
    stack.includes(`${directory}${sep}`) || stack.includes(`${pathToFileURL(directory).href}/`)
  );
}
