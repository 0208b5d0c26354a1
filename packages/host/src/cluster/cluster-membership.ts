import {
  type ClusterMember,
  collectBytes,
  DwError,
  type HttpRequest,
  type HttpResponse,
  type HttpRoute,
  type IClusterMembership,
  type Logger,
  peerError,
} from '@datawarehouse/sdk';
import { statusOf } from '../api/error-status.js';
import { isLoopback, normalizeEndpoint } from './endpoint.js';
import { type Greeter, type GreetOptions, HELLO_PATH } from './greeter.js';
import { type HelloAnswer, MAX_HELLO_BYTES } from './hello-message.js';
import { Meetings, type MeetingsOptions } from './meetings.js';
import { MAX_MEMBERS, type MemberTable } from './member-table.js';
import type { MembershipPublisher } from './membership-publisher.js';
import { encodeRefusal } from './peer-refusal.js';

/** What a {@link ClusterMembership} is made of. */
export interface ClusterMembershipOptions {
  readonly table: MemberTable;
  readonly greeter: Greeter;
  readonly publisher: MembershipPublisher;
  readonly logger: Logger;
  readonly clock: MeetingsOptions['clock'];
  /** Addresses of nodes to meet, normalized. */
  readonly peers: readonly string[];
}

const joinTimeoutMs = 10_000;
const meetTimeoutMs = 5_000;
/** Attempts to meet a node that is known by hearsay only. */
const hearsayAttempts = 8;

/** The other nodes: met by hello, known by their keys from then on. */
export class ClusterMembership implements IClusterMembership {
  readonly helloRoute: HttpRoute;
  readonly #options: ClusterMembershipOptions;
  readonly #meetings: Meetings;

  constructor(options: ClusterMembershipOptions) {
    this.#options = options;
    this.#meetings = new Meetings({
      clock: options.clock,
      logger: options.logger,
      meet: async ({ nodeId }, endpoint, signal) => {
        await this.#meet(endpoint, {
          isExplicit: false,
          timeoutMs: meetTimeoutMs,
          nodeId,
          signal,
        });
      },
    });
    this.helloRoute = {
      method: 'POST',
      path: HELLO_PATH,
      summary: 'How nodes of a cluster meet, authenticated by its secret.',
      access: 'open',
      handle: (request) => this.#receive(request),
    };
  }

  members(): readonly ClusterMember[] {
    return this.#options.table.list();
  }

  member(nodeId: string): ClusterMember | undefined {
    return this.#options.table.get(nodeId);
  }

  async join(
    endpoint: string,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<ClusterMember> {
    const { signal } = options;
    return this.#meet(normalizeEndpoint(endpoint), {
      isExplicit: true,
      timeoutMs: joinTimeoutMs,
      signal,
    });
  }

  async remove(nodeId: string): Promise<boolean> {
    this.#meetings.cancel(nodeId);
    return this.#options.table.remove(nodeId);
  }

  /** Publishes the members known so far, and begins to meet them and the configured peers. */
  start(): void {
    const { table, publisher, peers, greeter } = this.#options;
    publisher.start();
    for (const { nodeId, endpoint } of table.list()) {
      publisher.push({ action: 'joined', nodeId, endpoint });
      this.meetAgain(nodeId);
    }
    if (!greeter.canMeet) return;
    for (const peer of peers) this.#meetings.begin({ key: peer, endpoint: () => peer });
  }

  /** Meets a member again in the background, until it is reached. */
  meetAgain(nodeId: string): void {
    this.#meetings.begin({
      key: nodeId,
      nodeId,
      endpoint: () => this.member(nodeId)?.endpoint,
    });
  }

  /** Ends the meetings in the background. */
  async close(): Promise<void> {
    await this.#meetings.close();
  }

  async #meet(endpoint: string, options: GreetOptions): Promise<ClusterMember> {
    const { greeter, table, logger } = this.#options;
    const answer = await greeter.greet(endpoint, options);
    const member = await table.admit(proven(answer), options.isExplicit);
    if (isLoopback(member.endpoint) && !isLoopback(endpoint)) {
      const { nodeId } = member;
      logger.warn(
        { nodeId, advertised: member.endpoint, called: endpoint },
        `node ${nodeId} tells an address of its own machine only; set http.advertise there`,
      );
    }
    this.#meetHearsay(answer);
    return member;
  }

  async #receive(request: HttpRequest): Promise<HttpResponse> {
    const { greeter, logger } = this.#options;
    try {
      const hello = greeter.receive(await readHello(request));
      if (!greeter.isSelf(hello)) {
        await this.#options.table.admit(proven(hello), hello.isExplicit);
        this.#meetings.cancel(hello.nodeId);
      }
      const others = this.members().filter(({ nodeId }) => nodeId !== hello.nodeId);
      const members = others.map(({ nodeId, endpoint }) => ({ nodeId, endpoint }));
      return jsonBytes(200, greeter.answer(hello, members));
    } catch (error) {
      if (DwError.is(error)) logger.warn({ code: error.code }, `refused to meet: ${error.message}`);
      else logger.error({ error }, 'meeting a node failed');
      const status = DwError.is(error) ? statusOf(error) : 500;
      return jsonBytes(status, encodeRefusal(error, 'transport'));
    }
  }

  /** Meets the nodes that another one knows; they are members when they have proven themselves. */
  #meetHearsay(answer: HelloAnswer): void {
    const { table } = this.#options;
    for (const { nodeId, endpoint } of answer.members.slice(0, MAX_MEMBERS)) {
      if (table.get(nodeId) !== undefined || table.wasRemoved(nodeId)) continue;
      if (nodeId === this.#options.greeter.nodeId) continue;
      this.#meetings.begin({
        key: nodeId,
        nodeId,
        endpoint: () => (table.wasRemoved(nodeId) ? undefined : endpoint),
        maxAttempts: hearsayAttempts,
      });
    }
  }
}

function proven(node: Pick<HelloAnswer, 'nodeId' | 'publicKey' | 'endpoint'>): {
  readonly nodeId: string;
  readonly publicKey: string;
  readonly endpoint: string;
} {
  const { nodeId, publicKey } = node;
  return { nodeId, publicKey, endpoint: normalizeEndpoint(node.endpoint) };
}

async function readHello(request: HttpRequest): Promise<Uint8Array> {
  try {
    return await collectBytes(request.body, MAX_HELLO_BYTES);
  } catch (error) {
    if (!DwError.is(error, 'DW_CONTENT_TOO_LARGE')) throw error;
    throw peerError('DW_PEER_TOO_LARGE', { details: { maxBytes: MAX_HELLO_BYTES } });
  }
}

function jsonBytes(status: number, body: Uint8Array): HttpResponse {
  return { status, headers: { 'content-type': 'application/json' }, body };
}
