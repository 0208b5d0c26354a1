import type { Writable } from 'node:stream';

/** A standard stream: a terminal has columns. */
export interface CliStream extends Writable {
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** Writes, and waits until the stream has passed it on. */
export function writeAll(stream: CliStream, data: Uint8Array | string): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(data, (error) => {
      if (error === undefined || error === null) resolve();
      else reject(error);
    });
  });
}

/** Waits until everything written so far has been passed on. */
export async function flush(stream: CliStream): Promise<void> {
  // A write that has failed tells so only in the next turn.
  await new Promise((resolve) => setImmediate(resolve));
  if (stream.writableLength > 0) await writeAll(stream, '');
}

/** Exit code of a process that SIGPIPE ended. */
const brokenPipeCode = 141;

/**
 * Ends the process when results can no longer be written: without a word when their reader is gone,
 * as in `dw ls | head`.
 */
export function endOnWriteError(stdout: CliStream, report: (error: Error) => void): void {
  stdout.on('error', (error) => {
    if (isBrokenPipe(error)) process.exit(brokenPipeCode);
    report(error);
    process.exit(1);
  });
}

/** Goes on when nobody reads the notes any more. */
export function ignoreBrokenPipe(stderr: CliStream): void {
  stderr.on('error', (error) => {
    if (!isBrokenPipe(error)) throw error;
  });
}

function isBrokenPipe(error: Error): boolean {
  return 'code' in error && error.code === 'EPIPE';
}
