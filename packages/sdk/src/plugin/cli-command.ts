/** A positional argument of a command, in order. */
export interface CliArgument {
  readonly name: string;
  readonly summary: string;
  /** @defaultValue true */
  readonly required?: boolean;
}

/** An option of a command. */
export interface CliOption {
  /** As the user writes it: `--channel <id>`, `--all`. */
  readonly flags: string;
  readonly summary: string;
  readonly required?: boolean;
  readonly defaultValue?: string;
  /** Whether it may be given several times. */
  readonly repeatable?: boolean;
  /** Refused values are a wrong usage (exit code 2). */
  readonly choices?: readonly string[];
}

/** An answer of a node's HTTP API. Errors of the API have been thrown as `DwError`. */
export interface ApiResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Bytes as they arrive. Read once, or not at all. */
  readonly body: AsyncIterable<Uint8Array>;
  /** Reads the whole body as JSON. */
  json(): Promise<unknown>;
}

/** One call of a node's HTTP API. */
export interface ApiRequest {
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sent as it is. */
  readonly body?: Uint8Array | AsyncIterable<Uint8Array>;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** Calls the HTTP API of the node that the user named, with its token. */
export interface ApiClient {
  /** Base address of the node, such as `http://127.0.0.1:7080`. */
  readonly endpoint: string;
  /**
   * Calls `path`; build it with {@link apiPath}.
   *
   * @throws {@link DwError} with the code that the node gave, or one of the command line's.
   */
  request(
    method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'PATCH' | 'DELETE',
    path: string,
    request?: ApiRequest,
  ): Promise<ApiResponse>;
}

/** Shows how far a long transfer is; a bar on a terminal, nothing elsewhere. */
export interface ProgressReporter extends Disposable {
  advance(by: number): void;
}

/** Where a command writes. With `--json` only {@link CliOutput.result} reaches standard output. */
export interface CliOutput {
  /** Whether the user asked for JSON. */
  readonly isJson: boolean;
  /** The command's result: as one JSON value with `--json`, otherwise by `print`. Call it once. */
  result(value: unknown, print: () => void): void;
  /** A line for people, on standard output. */
  line(text: string): void;
  /** A table for people, on standard output; the keys of the first row are its heads. */
  table(rows: readonly Readonly<Record<string, string | number | boolean | undefined>>[]): void;
  /** A line beside the result, on standard error. */
  note(text: string): void;
  /** Raw bytes on standard output; resolves when written. */
  write(bytes: Uint8Array): Promise<void>;
  /** Shows progress up to `total` of `unit` on standard error. */
  progress(label: string, total: number, unit: 'bytes' | 'items'): ProgressReporter;
}

/** What a command gets. */
export interface CliContext {
  /** Positional arguments by name. */
  readonly arguments: Readonly<Record<string, string | undefined>>;
  /** Options by camel-cased name; a flag is `true`, a repeatable one an array. */
  readonly options: Readonly<Record<string, string | boolean | readonly string[] | undefined>>;
  /** The node named by `--endpoint`, `--data-dir` or the environment. Resolved at first use. */
  readonly api: ApiClient;
  readonly output: CliOutput;
  /** Standard input. */
  readonly input: AsyncIterable<Uint8Array>;
  /** Aborted by Ctrl-C and SIGTERM. */
  readonly signal: AbortSignal;
}

/** A command of `dw`. */
export interface CliCommand {
  /** Words separated by blanks: `clients approve`. */
  readonly name: string;
  readonly summary: string;
  readonly arguments?: readonly CliArgument[];
  readonly options?: readonly CliOption[];
  /** Longer text at the end of the help, with an example. */
  readonly help?: string;
  /** Runs it. A `DwError` is shown as one line with its hint, and the exit code is 1. */
  run(context: CliContext): Promise<void>;
}

/**
 * Joins raw segments to an API path, each percent-encoded.
 *
 * @throws TypeError where a segment is `.` or `..`: clients take both away, however they are
 *   encoded, and would call another path. Send such a name as a query.
 */
export function apiPath(...segments: readonly string[]): string {
  const swallowed = segments.find((segment) => segment === '.' || segment === '..');
  if (swallowed !== undefined) throw new TypeError(`No part of a path may be "${swallowed}"`);
  return `/${segments.map(encodeURIComponent).join('/')}`;
}
