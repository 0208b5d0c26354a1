import type { DwError } from '@datawarehouse/sdk';
import { type CliErrorCode, cliError } from '../cli-errors.js';
import type { NodeAddress } from './node-address.js';

/** What the codes of Node.js and undici mean here. */
const meanings: Readonly<Record<string, CliErrorCode>> = {
  ECONNREFUSED: 'DW_CLI_UNREACHABLE',
  ENOTFOUND: 'DW_CLI_UNREACHABLE',
  EAI_AGAIN: 'DW_CLI_UNREACHABLE',
  EHOSTUNREACH: 'DW_CLI_UNREACHABLE',
  EHOSTDOWN: 'DW_CLI_UNREACHABLE',
  ENETUNREACH: 'DW_CLI_UNREACHABLE',
  EADDRNOTAVAIL: 'DW_CLI_UNREACHABLE',
  ETIMEDOUT: 'DW_CLI_UNREACHABLE',
  UND_ERR_CONNECT_TIMEOUT: 'DW_CLI_UNREACHABLE',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'DW_CLI_UNREACHABLE',
  SELF_SIGNED_CERT_IN_CHAIN: 'DW_CLI_UNREACHABLE',
  CERT_HAS_EXPIRED: 'DW_CLI_UNREACHABLE',
  ERR_TLS_CERT_ALTNAME_INVALID: 'DW_CLI_UNREACHABLE',
  ECONNRESET: 'DW_CLI_CONNECTION_LOST',
  EPIPE: 'DW_CLI_CONNECTION_LOST',
  UND_ERR_SOCKET: 'DW_CLI_CONNECTION_LOST',
  UND_ERR_CLOSED: 'DW_CLI_CONNECTION_LOST',
  UND_ERR_DESTROYED: 'DW_CLI_CONNECTION_LOST',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'DW_CLI_CONNECTION_LOST',
  UND_ERR_HEADERS_TIMEOUT: 'DW_CLI_TIMEOUT',
  UND_ERR_BODY_TIMEOUT: 'DW_CLI_TIMEOUT',
  UND_ERR_HEADERS_OVERFLOW: 'DW_CLI_NOT_A_NODE',
  ERR_SSL_WRONG_VERSION_NUMBER: 'DW_CLI_NOT_A_NODE',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'DW_CLI_NOT_A_NODE',
};

/** Names the failure of a connection; `undefined` where the error is about something else. */
export function connectionError(error: unknown, address: NodeAddress): DwError | undefined {
  const code = systemCode(error);
  const isMalformed = error instanceof Error && error.name === 'HTTPParserError';
  const meaning = isMalformed ? 'DW_CLI_NOT_A_NODE' : meanings[code];
  if (meaning === undefined) return undefined;
  const { endpoint, endpointSource } = address;
  return cliError(meaning, {
    message: messageOf(meaning, endpoint, code),
    cause: error,
    ...(code === 'ECONNREFUSED' && { hint: refusedHint(address) }),
    details: { endpoint, endpointSource, reason: code },
  });
}

/** A node that was killed leaves the file behind that says where it listened. */
function refusedHint({ endpointSource }: NodeAddress): string {
  if (endpointSource.startsWith('--') || endpointSource === 'DW_ENDPOINT') {
    return `Start a node with \`dw start\`, or correct ${endpointSource}.`;
  }
  return `Start the node again with \`dw start --data-dir ${endpointSource}\`.`;
}

function systemCode(error: unknown): string {
  if (!(error instanceof Error) || !('code' in error)) return '';
  return typeof error.code === 'string' ? error.code : '';
}

function messageOf(meaning: CliErrorCode, endpoint: string, code: string): string {
  switch (meaning) {
    case 'DW_CLI_CONNECTION_LOST':
      return `The connection to ${endpoint} broke off`;
    case 'DW_CLI_TIMEOUT':
      return `The node at ${endpoint} did not answer in time`;
    case 'DW_CLI_NOT_A_NODE':
      return `What answers at ${endpoint} is not a DataWarehouse node`;
    default:
      return code === 'ECONNREFUSED'
        ? `No node listens at ${endpoint}`
        : `${endpoint} could not be reached (${code})`;
  }
}
