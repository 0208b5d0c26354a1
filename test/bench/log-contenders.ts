import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { open } from 'node:fs/promises';
import { createServer } from 'node:net';
import { ClassicLevelBackingStore } from '@datawarehouse/host';
import { storePath, WriteAheadLog } from '@datawarehouse/sdk';
import { type Contender, rateOf } from './support/contenders.js';
import { loadPeer } from './support/peer.js';

/** A log on the real store. A consumer that confirms nothing keeps all entries held. */
export async function openLog(
  directory: string,
): Promise<AsyncDisposable & { readonly log: WriteAheadLog }> {
  const store = await ClassicLevelBackingStore.open({ directory });
  const log = await WriteAheadLog.open({
    store,
    path: storePath('bench', 'log'),
    offsetsPath: storePath('bench', 'offsets'),
  });
  await log.registerConsumer('reader');
  return {
    log,
    [Symbol.asyncDispose]: async () => {
      await log.close();
      await store.close();
    },
  };
}

/** Does `count` things, always `inFlight` of them at once; returns things done a second. */
export function inFlight(
  count: number,
  inFlightCount: number,
  work: (index: number) => Promise<unknown>,
): Promise<number> {
  let next = 0;
  const caller = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  return rateOf(count, async () => {
    await Promise.all(Array.from({ length: inFlightCount }, caller));
  });
}

/** A plain file that takes many records with one fdatasync. */
export async function plainFile(path: string) {
  const file = await open(path, 'a');
  return {
    append: (records: readonly Uint8Array[]) => file.write(Buffer.concat(records)),
    sync: () => file.datasync(),
    close: () => file.close(),
  };
}

interface Level {
  open(): Promise<void>;
  put(key: string, value: Uint8Array, options: { sync: boolean }): Promise<void>;
  close(): Promise<void>;
}

/** LevelDB as it comes, for concurrent synced puts. */
export async function openLevel(directory: string): Promise<Level> {
  const peer = await loadPeer('classic-level');
  if (peer === undefined) throw new Error('classic-level comes with the host');
  const ClassicLevel = peer.ClassicLevel as new (path: string, options: object) => Level;
  const level = new ClassicLevel(directory, { valueEncoding: 'buffer' });
  await level.open();
  return level;
}

interface Nats {
  readonly publish: (data: Uint8Array) => Promise<unknown>;
  readonly close: () => Promise<void>;
}

/** A stream on a nats-server of its own; `undefined` where the server or its client is missing. */
export async function openNats(directory: string): Promise<Nats | undefined> {
  const transport = await loadPeer('@nats-io/transport-node');
  const jetStream = await loadPeer('@nats-io/jetstream');
  if (transport === undefined || jetStream === undefined) return undefined;
  const port = await freePort();
  const server = spawn(
    'nats-server',
    ['-js', '-a', '127.0.0.1', '-p', `${port}`, '-sd', directory],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  if (!(await isReady(server))) return undefined;
  const connect = transport.connect as (options: object) => Promise<{ close(): Promise<void> }>;
  const connection = await connect({ servers: `127.0.0.1:${port}` });
  const manager = await (
    jetStream.jetstreamManager as (connection: object) => Promise<{
      readonly streams: { add(stream: object): Promise<unknown> };
    }>
  )(connection);
  await manager.streams.add({ name: 'bench', subjects: ['bench'], storage: 'file' });
  const client = (
    jetStream.jetstream as (connection: object) => {
      publish(subject: string, data: Uint8Array): Promise<unknown>;
    }
  )(connection);
  return {
    publish: (data) => client.publish('bench', data),
    close: async () => {
      await connection.close();
      const exited = once(server, 'exit');
      server.kill('SIGTERM');
      await exited;
    },
  };
}

/** Contender that publishes to NATS, which acknowledges before anything is synced. */
export function publishing(nats: Nats, count: number, data: Uint8Array): Contender {
  return () => inFlight(count, 256, () => nats.publish(data));
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** Whether the server came up; not where it is not installed. */
async function isReady(server: ChildProcess): Promise<boolean> {
  return new Promise((resolve) => {
    server.once('error', () => {
      resolve(false);
    });
    server.once('exit', () => {
      resolve(false);
    });
    server.stderr?.setEncoding('utf8').on('data', (text: string) => {
      if (text.includes('Server is ready')) resolve(true);
    });
  });
}
