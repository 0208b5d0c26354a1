import type { ApiClient, CliContext, CliOutput } from '@datawarehouse/sdk';
import { callRoute, type TestPluginContext } from '@datawarehouse/sdk/testing';
import { commands } from '../api/commands.js';

/** How a command is run. */
export interface CommandRun {
  readonly json?: boolean;
  readonly input?: string;
  readonly options?: CliContext['options'];
}

/** Calls the routes of a node. `tamper` changes what the node answers. */
export function apiOf(
  context: () => TestPluginContext,
  tamper: (body: Uint8Array) => Uint8Array = (body) => body,
): ApiClient {
  return {
    endpoint: 'http://a',
    request: async (method, path, request = {}) => {
      if (method === 'PATCH') throw new TypeError('No such route');
      const query = new URLSearchParams();
      for (const [name, value] of Object.entries(request.query ?? {})) {
        if (value !== undefined) query.set(name, String(value));
      }
      const pieces: Uint8Array[] = [];
      if (request.body instanceof Uint8Array) pieces.push(request.body);
      else if (request.body) for await (const piece of request.body) pieces.push(piece);
      const response = await callRoute(context(), method, `${path}?${query.toString()}`, {
        headers: request.headers ?? {},
        body: request.json ?? (request.body && Buffer.concat(pieces)),
      });
      const { status, headers, json } = response;
      const body = once(tamper(response.body ?? Buffer.of()));
      return { status, headers, body, json: async () => json };
    },
  };
}

/** Runs a command, and returns what it writes. */
export async function runCommand(
  api: ApiClient,
  name: string,
  given: Readonly<Record<string, string>> = {},
  run: CommandRun = {},
) {
  const written = { lines: [] as string[], notes: [] as string[], result: undefined as unknown };
  const bytes: Uint8Array[] = [];
  let progressed = 0;
  const output: CliOutput = {
    isJson: run.json === true,
    result: (value, print) => {
      written.result = value;
      if (run.json !== true) print();
    },
    line: (text) => written.lines.push(text),
    table: (rows) => {
      for (const row of rows) written.lines.push(Object.values(row).join(' '));
    },
    note: (text) => written.notes.push(text),
    write: async (chunk) => void bytes.push(chunk),
    progress: () => ({
      advance: (by) => {
        progressed += by;
      },
      [Symbol.dispose]: () => undefined,
    }),
  };
  const command = commands.find((one) => one.name === name);
  if (command === undefined) throw new TypeError(`There is no command ${name}`);
  await command.run({
    arguments: given,
    options: run.options ?? {},
    api,
    output,
    input: once(Buffer.from(run.input ?? '')),
    signal: new AbortController().signal,
  });
  return { ...written, progressed, bytes: Buffer.concat(bytes) };
}

/** A body of one piece. */
export async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
