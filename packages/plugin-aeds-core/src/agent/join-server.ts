import { Backoff, DwError } from '@datawarehouse/sdk';
import { type EnrolledServer, readEnrolledServer, writeEnrolledServer } from './agent-directory.js';
import type { AgentListener } from './agent-events.js';
import { type EnrolOptions, enrol } from './enrol.js';

/** The server of this directory; enrols where there is none yet, and waits for a server that is away. */
export async function joinServer(
  path: string,
  emit: AgentListener,
  options: EnrolOptions,
): Promise<EnrolledServer> {
  const { clock } = options.connection;
  const known = await readEnrolledServer(path);
  if (known !== undefined) return await withChannels(path, known, options.channels);
  const backoff = new Backoff({ firstMs: 1_000, maxMs: 30_000, clock });
  for (;;) {
    try {
      const server = await enrol(options);
      await writeEnrolledServer(path, server);
      const keyIds = server.anchors.map(({ keyId }) => keyId);
      const { serverId } = server;
      emit({ type: 'enrolled', clientId: options.identity.keyId, serverId, keyIds });
      return server;
    } catch (error) {
      if (!DwError.is(error, 'DW_AEDS_SERVER_UNREACHABLE')) throw error;
      emit({ type: 'disconnected', code: error.code, message: error.message });
      await backoff.wait({ signal: options.signal });
    }
  }
}

/** Keeps the channels that were asked for, or leaves those of the last time. */
async function withChannels(
  path: string,
  known: EnrolledServer,
  channels: readonly string[],
): Promise<EnrolledServer> {
  if (channels.length === 0) return known;
  const changed = { ...known, channels: [...channels] };
  await writeEnrolledServer(path, changed);
  return changed;
}
