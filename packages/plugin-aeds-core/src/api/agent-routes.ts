import type { HttpRequest, HttpRoute, PayloadReference } from '@datawarehouse/sdk';
import type { AedsCollections } from '../collections/aeds-collections.js';
import type { PollDesk } from '../delivery/poll-desk.js';
import type { ReportDesk } from '../delivery/report-desk.js';
import type { TargetLedger } from '../delivery/target-ledger.js';
import type { EnrolmentDesk } from '../enrolment/enrolment-desk.js';
import type { Invitations } from '../enrolment/invitations.js';
import { aedsError } from '../errors/aeds-errors.js';
import {
  enrolmentRequestSchema,
  MAX_AGENT_BODY_BYTES,
  pollRequestSchema,
  reportRequestSchema,
} from '../protocol/agent-messages.js';
import type { PayloadServer } from '../transfer/payload-server.js';
import { type AgentGate, assertApproved } from './agent-gate.js';
import { parseRequest } from './parse-request.js';

export interface AgentRoutesOptions {
  readonly gate: AgentGate;
  readonly collections: AedsCollections;
  readonly invitations: Invitations;
  readonly enrolment: EnrolmentDesk;
  readonly polls: PollDesk;
  readonly reports: ReportDesk;
  readonly ledger: TargetLedger;
  readonly payloads: PayloadServer;
}

/** What clients ask for. Open to anybody; each request but enrolment is signed by its client. */
export function agentRoutes(options: AgentRoutesOptions): readonly HttpRoute[] {
  const { gate, payloads } = options;
  return [
    ...enrolmentRoutes(options),
    ...exchangeRoutes(options),
    {
      method: 'GET',
      access: 'open',
      path: '/aeds/v1/agent/jobs/:id/payloads/:digest',
      summary: 'Sends a payload, or a range of it, to a client that it is for.',
      handle: async (request) => {
        const { clientId } = await gate.approvedClient(request);
        return payloads.serve(await payloadFor(options, request, clientId), request);
      },
    },
    {
      method: 'GET',
      access: 'open',
      path: '/aeds/v1/agent/jobs/:id/payloads/:digest/chunks',
      summary: 'Sends the digests of a payload’s chunks to a client that it is for.',
      handle: async (request) => {
        const { clientId } = await gate.approvedClient(request);
        return await payloads.serveChunkList(await payloadFor(options, request, clientId));
      },
    },
  ];
}

function enrolmentRoutes({ invitations, enrolment }: AgentRoutesOptions): readonly HttpRoute[] {
  return [
    {
      method: 'GET',
      access: 'open',
      path: '/aeds/v1/agent/invitations/:id',
      summary: 'Tells an enrolling client the salt of its key derivation.',
      handle: async ({ params }) => ({
        json: { salt: await invitations.salt((params['id'] ?? '').slice(0, 16)) },
      }),
    },
    {
      method: 'POST',
      access: 'open',
      path: '/aeds/v1/agent/enrolments',
      summary: 'Enrols a client that knows a PIN.',
      maxBodyBytes: MAX_AGENT_BODY_BYTES,
      bodySchema: enrolmentRequestSchema,
      handle: async ({ json }) => ({
        status: 201,
        json: await enrolment.enrol(parseRequest(enrolmentRequestSchema, json)),
      }),
    },
  ];
}

function exchangeRoutes({ gate, polls, reports }: AgentRoutesOptions): readonly HttpRoute[] {
  return [
    {
      method: 'POST',
      access: 'open',
      path: '/aeds/v1/agent/poll',
      summary: 'Waits for manifests on behalf of a client.',
      maxBodyBytes: MAX_AGENT_BODY_BYTES,
      handle: (request) =>
        gate.exchange(request, pollRequestSchema, ({ clientId }, message) =>
          polls.poll(clientId, message, request.signal),
        ),
    },
    {
      method: 'POST',
      access: 'open',
      path: '/aeds/v1/agent/reports',
      summary: 'Takes what a client did with its manifests.',
      maxBodyBytes: MAX_AGENT_BODY_BYTES,
      handle: (request) =>
        gate.exchange(request, reportRequestSchema, (client, message) => {
          assertApproved(client);
          return reports.receive(client.clientId, message.reports);
        }),
    },
  ];
}

/** The payload of a job that the client is a target of. Who is not learns nothing about it. */
async function payloadFor(
  { collections, ledger }: AgentRoutesOptions,
  { params }: HttpRequest,
  clientId: string,
): Promise<PayloadReference> {
  const jobId = params['id'] ?? '';
  const target = await ledger.get(jobId, clientId);
  const job = target && (await collections.jobs.get(jobId));
  const manifest = job && (await collections.manifests.get(job.manifestId));
  const isClosed = target?.state === 'cancelled' || target?.state === 'expired';
  if (manifest === undefined || isClosed || manifest.payload.digest !== params['digest']) {
    throw aedsError('DW_AEDS_NOT_A_TARGET', { details: { jobId } });
  }
  return manifest.payload;
}
