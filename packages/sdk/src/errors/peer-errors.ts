import { type ErrorTable, errorBuilder } from './define-errors.js';

/** Every code that a peer transport, signed requests and membership may reject with. */
export const peerErrors = {
  DW_PEER_UNKNOWN: {
    message: 'No such node is a member of the cluster',
    hint: 'Join the node first; see `dw replicas`.',
    category: 'notFound',
  },
  DW_PEER_UNREACHABLE: {
    message: 'The node could not be reached',
    hint: 'Check that it runs, and that its endpoint is right.',
    category: 'unavailable',
    retryable: true,
  },
  DW_PEER_TIMEOUT: {
    message: 'The node did not answer in time',
    hint: 'Check its load and the network between the nodes.',
    category: 'timeout',
    retryable: true,
  },
  DW_PEER_UNAUTHENTICATED: {
    message: 'The request’s signature does not hold',
    hint: 'Check the cluster secret and the identity of the sender.',
    category: 'unauthenticated',
  },
  DW_PEER_IDENTITY_MISMATCH: {
    message: 'The node shows another key than the one it joined with',
    hint: 'If its identity was replaced on purpose, remove the node and let it join again.',
    category: 'denied',
  },
  DW_PEER_CLOCK_SKEW: {
    message: 'The request’s time is too far from this node’s clock',
    hint: 'Synchronise the clocks of both machines.',
    category: 'unauthenticated',
    retryable: true,
  },
  DW_PEER_REPLAYED: {
    message: 'The request was received before',
    hint: 'Sign every request anew.',
    category: 'unauthenticated',
  },
  DW_PEER_UNKNOWN_SERVICE: {
    message: 'The node does not offer this service',
    hint: 'Load the same plugins on every node.',
    category: 'unavailable',
    retryable: true,
  },
  DW_PEER_TOO_LARGE: {
    message: 'The message is larger than the limit',
    hint: 'Send less at a time.',
    category: 'tooLarge',
  },
  DW_PEER_REFUSED: {
    message: 'The node refused the request',
    hint: 'See details for the code that it gave.',
    category: 'conflict',
  },
  DW_PEER_BAD_RESPONSE: {
    message: 'The node’s answer is malformed or its signature does not hold',
    hint: 'Check that both nodes run the same version, and that nothing alters traffic between them.',
    category: 'unavailable',
    retryable: true,
  },
} as const satisfies ErrorTable;

/** A key of {@link peerErrors}. */
export type PeerErrorCode = keyof typeof peerErrors;

/** Builds a peer error. */
export const peerError = errorBuilder<PeerErrorCode>(peerErrors);
