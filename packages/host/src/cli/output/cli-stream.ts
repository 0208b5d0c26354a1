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
  if (stream.writableLength > 0) await writeAll(stream, '');
}

/** Exit code of a process that SIGPIPE ended. */
const brokenPipeCode = 141;

/** Ends the process without a word when the reader of the results is gone, as in `dw ls | head`. */
export function endOnBrokenPipe(stdout: CliStream): void {
  stdout.on('error', (error) => {
    if (isBrokenPipe(error)) process.exit(brokenPipeCode);
    throw error;
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
