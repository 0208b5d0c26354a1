import { constants } from 'node:os';
import { cliError } from './cli-errors.js';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Turns the first Ctrl-C, SIGTERM or SIGHUP into an abort, and the second one into an end. */
export function abortOnSignals(controller: AbortController): void {
  for (const name of signals) {
    process.on(name, () => {
      // Whoever asks twice wants no orderly end.
      if (controller.signal.aborted) process.exit(1);
      controller.abort(
        cliError('DW_CLI_INTERRUPTED', {
          message: `The command was interrupted by ${name}`,
          details: { signal: name, signalNumber: constants.signals[name] },
        }),
      );
    });
  }
}
