import type { CliStream } from './output/cli-stream.js';

/** Everything of the process that the command line touches, so that it also runs inside a test. */
export interface CliEnvironment {
  readonly stdout: CliStream;
  readonly stderr: CliStream;
  /** Standard input; opened when it is first read. */
  readonly stdin: AsyncIterable<Uint8Array>;
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly workingDirectory: string;
  /** Aborted by Ctrl-C and SIGTERM. */
  readonly signal: AbortSignal;
}
