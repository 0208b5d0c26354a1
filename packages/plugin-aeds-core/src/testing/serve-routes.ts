import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { collectBytes, DwError, type HttpRoute, httpStatusByCategory } from '@datawarehouse/sdk';
import { callRoute } from '@datawarehouse/sdk/testing';

/** A real HTTP server over contributed routes, for specs. */
export interface RouteServer extends AsyncDisposable {
  readonly endpoint: string;
  /** Requests so far, as `METHOD path`. */
  readonly requests: readonly string[];
  /** Requests that are answered with 503, before any route sees them. */
  refuses: (url: string) => boolean;
  /** Looks at, or replaces, what the routes answer. */
  intercept: (
    request: { readonly method: string; readonly url: string },
    answer: Answer,
  ) => Answer | Promise<Answer>;
}

/** What goes over the wire. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

const unavailable: Answer = { status: 503, headers: {}, body: new Uint8Array(0) };

/** Serves the routes on a free port of 127.0.0.1, or on the given one. */
export async function serveRoutes(
  context: { readonly routes: { readonly list: readonly HttpRoute[] } },
  port = 0,
): Promise<RouteServer> {
  const requests: string[] = [];
  const server = createServer((incoming, outgoing) => {
    const { method = 'GET', url = '/' } = incoming;
    requests.push(`${method} ${url}`);
    const answering = routeServer.refuses(url)
      ? Promise.resolve(unavailable)
      : answerOf(context, incoming, outgoing);
    void answering.then(async (answer) => {
      const { status, headers, body } = await routeServer.intercept({ method, url }, answer);
      outgoing
        .writeHead(status, { ...headers, 'content-length': String(body.byteLength) })
        .end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const { port: bound } = server.address() as AddressInfo;
  const routeServer: RouteServer = {
    endpoint: `http://127.0.0.1:${bound}`,
    requests,
    refuses: () => false,
    intercept: (_request, answer) => answer,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return routeServer;
}

async function answerOf(
  context: { readonly routes: { readonly list: readonly HttpRoute[] } },
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<Answer> {
  const gone = new AbortController();
  outgoing.on('close', () => {
    gone.abort(new Error('The client is gone'));
  });
  try {
    const response = await callRoute(
      context,
      (incoming.method ?? 'GET') as HttpRoute['method'],
      incoming.url ?? '/',
      {
        headers: Object.fromEntries(
          Object.entries(incoming.headers).map(([name, value]) => [name, String(value)]),
        ),
        body: await collectBytes(incoming, 1024 * 1024 * 1024),
        signal: gone.signal,
      },
    );
    const body = response.body ?? Buffer.from(JSON.stringify(response.json ?? {}));
    return { status: response.status, headers: response.headers, body };
  } catch (error) {
    const known = DwError.is(error) ? error : undefined;
    const { code = 'DW_TEST_FAILED', message = String(error), category = 'internal' } = known ?? {};
    const body = Buffer.from(JSON.stringify({ error: { code, message, hint: known?.hint } }));
    return { status: httpStatusByCategory[category], headers: {}, body };
  }
}
