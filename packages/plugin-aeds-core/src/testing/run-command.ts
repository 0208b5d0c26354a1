import {
  type ApiClient,
  type ApiResponse,
  type CliContext,
  type CliOutput,
  collectBytes,
} from '@datawarehouse/sdk';
import { callRoute } from '@datawarehouse/sdk/testing';

import { commands } from '../api/commands.js';
import type { TestServer } from './test-server.js';

/** What a command printed. */
export interface CommandRun {
  /** The result, as it would be printed with --json. */
  result: unknown;
  /** Lines and tables for people. */
  readonly lines: string[];
  /** What was written raw. */
  raw: string;
}

/** Runs a command of this plugin against a test server, as `dw` would. */
export async function runCommand(
  server: TestServer,
  name: string,
  given: Partial<Pick<CliContext, 'arguments' | 'options' | 'signal'>> & {
    readonly isJson?: boolean;
  } = {},
): Promise<CommandRun> {
  const command = commands.find((candidate) => candidate.name === name);
  if (command === undefined) throw new TypeError(`No command ${name}`);
  const run: CommandRun = { result: undefined, lines: [], raw: '' };
  await command.run({
    arguments: given.arguments ?? {},
    options: given.options ?? {},
    signal: given.signal ?? new AbortController().signal,
    api: apiOf(server),
    output: outputOf(run, given.isJson ?? false),
    input: nothing(),
  });
  return run;
}

function apiOf(server: TestServer): ApiClient {
  return {
    endpoint: server.http.endpoint,
    request: async (method, path, { json, body, query = {}, headers } = {}) => {
      const pairs = Object.entries(query).flatMap(([key, value]) =>
        value === undefined ? [] : [[key, String(value)] as [string, string]],
      );
      const url = pairs.length === 0 ? path : `${path}?${new URLSearchParams(pairs).toString()}`;
      const bytes = body instanceof Uint8Array || body === undefined ? body : await collected(body);
      const sent = bytes ?? json;
      const answer = await callRoute(server.context, method, url, {
        ...(sent !== undefined && { body: sent }),
        ...(headers && { headers }),
      });
      return responseOf(answer);
    },
  };
}

function responseOf({
  status,
  headers,
  json,
  body,
}: Awaited<ReturnType<typeof callRoute>>): ApiResponse {
  return {
    status,
    headers,
    body: pieces(body),
    json: async () => json,
  };
}

function outputOf(run: CommandRun, isJson: boolean): CliOutput {
  return {
    isJson,
    result: (value, print) => {
      run.result = JSON.parse(JSON.stringify(value)) as unknown;
      if (!isJson) print();
    },
    line: (text) => {
      run.lines.push(text);
    },
    table: (rows) => {
      run.lines.push(...rows.map((row) => Object.values(row).join(' ')));
    },
    note: () => undefined,
    write: async (bytes) => {
      run.raw += Buffer.from(bytes).toString('utf8');
    },
    progress: () => ({ advance: () => undefined, [Symbol.dispose]: () => undefined }),
  };
}

function collected(body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const maxBytes = 1024 * 1024 * 1024;
  return collectBytes(body, maxBytes);
}

async function* pieces(body: Uint8Array | undefined): AsyncGenerator<Uint8Array> {
  if (body !== undefined) yield body;
}

function nothing(): AsyncIterable<Uint8Array> {
  return pieces(undefined);
}
