import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { collectBytes } from '@datawarehouse/sdk';

/** Changes the body of an answer; returns it as it is to let it pass. */
export type Alter = (url: string, body: Uint8Array) => Uint8Array;

/** A man in the middle: passes requests on, and alters answers. */
export interface AlteringProxy extends AsyncDisposable {
  readonly endpoint: string;
  /** Number of answers that were altered. */
  readonly alteredCount: number;
}

/** Starts a proxy before a node, on a free port. */
export async function alteringProxy(target: string, alter: Alter): Promise<AlteringProxy> {
  let alteredCount = 0;
  const server = createServer((incoming, outgoing) => {
    const { method, headers, url = '/' } = incoming;
    const upstream = request(new URL(url, target), { method, headers }, (answer) => {
      void collectBytes(answer, 256 * 1024 * 1024)
        .then((body) => {
          const altered = alter(url, body);
          if (altered !== body) alteredCount += 1;
          outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
          outgoing.end(altered);
        })
        .catch(() => outgoing.destroy());
    });
    upstream.on('error', () => outgoing.destroy());
    outgoing.on('close', () => upstream.destroy());
    incoming.pipe(upstream);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    get alteredCount() {
      return alteredCount;
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Flips the lowest bit of one byte. */
export function flipBit(body: Uint8Array, at: number): Uint8Array {
  const copy = Uint8Array.from(body);
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
}
