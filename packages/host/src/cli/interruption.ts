import { constants } from 'node:os';
import { cliError } from './cli-errors.js';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Signals that come so close together are one: whoever ends a group of processes, as `timeout` does,
 * may reach each of them twice.
 */
const oneSignalMs = 100;

/** Turns the first Ctrl-C, SIGTERM or SIGHUP into an abort, and the second one into an end. */
export function abortOnSignals(controller: AbortController): void {
  let firstAtMs = 0;
  for (const name of signals) {
    process.on(name, () => {
      // Whoever asks twice wants no orderly end.
      if (controller.signal.aborted) {
        if (performance.now() - firstAtMs > oneSignalMs) process.exit(1);
        return;
      }
      firstAtMs = performance.now();
      controller.abort(
        cliError('DW_CLI_INTERRUPTED', {
          message: `The command was interrupted by ${name}`,
          details: { signal: name, signalNumber: constants.signals[name] },
        }),
      );
    });
  }
}
