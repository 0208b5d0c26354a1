#!/usr/bin/env node
import { cliError } from './cli-errors.js';
import { reportError } from './error-report.js';
import { abortOnSignals } from './interruption.js';
import { endOnWriteError, flush, ignoreBrokenPipe } from './output/cli-stream.js';
import { readVersion } from './read-version.js';
import { runCli } from './run-cli.js';

const controller = new AbortController();
abortOnSignals(controller);
endOnWriteError(process.stdout, (cause) => {
  const message = `Standard output cannot be written: ${cause.message}`;
  const { stdout, stderr } = process;
  const error = cliError('DW_CLI_OUTPUT', { message, cause });
  reportError(error, { stdout, stderr, isJson: false, isVerbose: false });
});
ignoreBrokenPipe(process.stderr);

// What a command waits for may be nothing that keeps a process alive, such as a plugin that hangs.
const keptAlive = setInterval(() => undefined, 60_000);

const code = await runCli(process.argv.slice(2), await readVersion(), {
  stdout: process.stdout,
  stderr: process.stderr,
  // Opening standard input keeps the process alive, so it waits for the first read.
  stdin: {
    [Symbol.asyncIterator]: () => process.stdin[Symbol.asyncIterator]() as AsyncIterator<Buffer>,
  },
  variables: process.env,
  workingDirectory: process.cwd(),
  signal: controller.signal,
});
clearInterval(keptAlive);
await flush(process.stdout);
await flush(process.stderr);
// A handle that a command left open must not keep the terminal waiting.
process.exit(code);
