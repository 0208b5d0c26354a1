#!/usr/bin/env node
import { abortOnSignals } from './interruption.js';
import { endOnBrokenPipe, flush, ignoreBrokenPipe } from './output/cli-stream.js';
import { readVersion } from './read-version.js';
import { runCli } from './run-cli.js';

const controller = new AbortController();
abortOnSignals(controller);
endOnBrokenPipe(process.stdout);
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
