import { type ErrorTable, errorBuilder } from '@datawarehouse/sdk';

/** Every code of replication. */
export const replicationErrors = {
  DW_REPLICATION_INVALID_CONFIG: {
    message: 'The configuration of replication is malformed',
    hint: 'Correct the "config" of the ultimate-replication plugin; see details.issues.',
    category: 'invalid',
  },
  DW_REPLICATION_INVALID_NAME: {
    message: 'A namespace or key is not a valid name',
    hint: 'Names are well-formed Unicode of 1 to 1024 bytes in UTF-8.',
    category: 'invalid',
  },
  DW_REPLICATION_INVALID_METADATA: {
    message: 'The content type is not valid',
    hint: 'Use a media type of at most 255 printable ASCII characters, such as text/plain.',
    category: 'invalid',
  },
  DW_REPLICATION_INVALID_QUERY: {
    message: 'The query is not valid',
    hint: 'See the message for the parameter and its range.',
    category: 'invalid',
  },
  DW_REPLICATION_NOT_FOUND: {
    message: 'There is no such object on this node',
    hint: 'See `dw ls NAMESPACE` for what is there; a recent write elsewhere may still be on its way.',
    category: 'notFound',
  },
  DW_REPLICATION_RANGE_NOT_SATISFIABLE: {
    message: 'The object ends before the range begins',
    hint: 'Ask for a range within the size of the object.',
    category: 'invalid',
  },
  DW_REPLICATION_LENGTH_MISMATCH: {
    message: 'The body is not as long as was announced',
    hint: 'Send it again; nothing was stored.',
    category: 'invalid',
  },
  DW_REPLICATION_INVALID_PATTERN: {
    message: 'The pattern of a route is not valid',
    hint: 'Use a glob such as critical/** of at most 512 bytes, whose braces stand for at most 64 patterns.',
    category: 'invalid',
  },
  DW_REPLICATION_UNKNOWN_STRATEGY: {
    message: 'There is no such strategy',
    hint: 'Choose one of details.known.',
    category: 'invalid',
  },
  DW_REPLICATION_UNKNOWN_ROUTE: {
    message: 'There is no route with this pattern',
    hint: 'See `dw routes` for the patterns, and quote them in a shell.',
    category: 'notFound',
  },
  DW_REPLICATION_ROUTES_FULL: {
    message: 'The routing table is full',
    hint: 'Remove routes, or raise maxCacheEntries: a tenth of it may be routes.',
    category: 'exhausted',
  },
  DW_REPLICATION_UNCONFIRMED: {
    message: 'The write is stored here, but replicas did not confirm it',
    hint: 'It will be replicated when they are back; see `dw replicas`, or route the name to asynchronous.',
    category: 'unavailable',
    retryable: true,
  },
  DW_REPLICATION_CLOCK_DRIFT: {
    message: 'A version lies too far in the future',
    hint: 'Synchronise the clocks of the nodes, then write the object again.',
    category: 'conflict',
  },
  DW_REPLICATION_INVALID_EVENT: {
    message: 'An event of another node cannot be read',
    hint: 'Run the same version on every node; the event is kept among the dead letters.',
    category: 'invalid',
  },
  DW_REPLICATION_EVENT_FAILED: {
    message: 'An event of another node cannot be applied',
    hint: 'See the cause; mend it, then use `dw dead-letters retry`.',
    category: 'internal',
  },
  DW_REPLICATION_OWN_ID: {
    message: 'A node cannot forget itself',
    hint: 'Remove it on another node, then stop it.',
    category: 'invalid',
  },
  DW_REPLICATION_UNKNOWN_LETTER: {
    message: 'There is no such dead letter',
    hint: 'See `dw dead-letters`; it may have been dropped, or applied.',
    category: 'notFound',
  },
  DW_REPLICATION_LETTER_INCOMPLETE: {
    message: 'The dead letter holds only the beginning of its event',
    hint: 'Write the object again on the node that it came from, then drop the letter.',
    category: 'invalid',
  },
  DW_REPLICATION_INVALID_MESSAGE: {
    message: 'A message of another node is malformed',
    hint: 'Run the same version on every node.',
    category: 'invalid',
  },
  DW_REPLICATION_ORIGIN_MISMATCH: {
    message: 'A node sent events in the name of another',
    hint: 'Find out who holds the key of the sending node.',
    category: 'denied',
  },
  DW_REPLICATION_PAYLOAD_MISSING: {
    message: 'The node does not have the payload that it announced',
    hint: 'Write the object again, or synchronise with a node that has it.',
    category: 'notFound',
  },
  DW_REPLICATION_RECORD_CORRUPT: {
    message: 'A stored record of replication is damaged',
    hint: 'Synchronise with another node, or write the object again; check the disk.',
    category: 'corrupt',
  },
  DW_REPLICATION_CONFLICT_NOT_FOUND: {
    message: 'The conflict log has no such entry',
    hint: 'See `dw conflicts` for what there is; entries go when their retention ends.',
    category: 'notFound',
  },
  DW_REPLICATION_CONFLICT_NOT_HELD: {
    message: 'The content that was discarded was never on this node',
    hint: 'Ask the node that wrote it, details.writtenBy: its own conflict log holds the content.',
    category: 'notFound',
  },
  DW_REPLICATION_RESOLUTION_NOT_OFFERED: {
    message: 'This resolution is not offered',
    hint: 'Use localWins, remoteWins or latestWins.',
    category: 'invalid',
  },
  DW_REPLICATION_SYNC_FAILED: {
    message: 'The synchronisation could not be completed',
    hint: 'See the cause and the log of both nodes, then try again.',
    category: 'unavailable',
    retryable: true,
  },
  DW_REPLICATION_UNKNOWN_REPLICA: {
    message: 'There is no such replica',
    hint: 'See `dw replicas` for the ids.',
    category: 'notFound',
  },
  DW_REPLICATION_SYNC_PAUSED: {
    message: 'The synchronisation with the node is paused',
    hint: 'Resume it: `dw replicas resume NODE`.',
    category: 'conflict',
  },
  DW_REPLICATION_SYNC_FOLDER_NEEDED: {
    message: 'There is no folder for bundles',
    hint: 'Set "bundleFolder" in the configuration of ultimate-replication, or use `dw bundle`.',
    category: 'invalid',
  },
  DW_REPLICATION_BUNDLE_DAMAGED: {
    message: 'The bundle is damaged',
    hint: 'Copy or export it again; nothing of it was taken over.',
    category: 'corrupt',
  },
  DW_REPLICATION_BUNDLE_UNTRUSTED: {
    message: 'The signature of the bundle cannot be trusted',
    hint: 'Find out who made it; give the key of its node with --key, or join the node.',
    category: 'denied',
  },
  DW_REPLICATION_BUNDLE_MISDIRECTED: {
    message: 'The bundle is for another node',
    hint: 'Import it there, or export one for this node with --to.',
    category: 'invalid',
  },
  DW_REPLICATION_BUNDLE_GAP: {
    message: 'Between what this node has and the bundle something is missing',
    hint: 'Import the earlier bundle first, or export one from details.expects on.',
    category: 'conflict',
  },
  DW_REPLICATION_BUNDLE_RANGE: {
    message: 'The log does not hold what the bundle would begin with',
    hint: 'Export everything: leave --since out.',
    category: 'invalid',
  },
  DW_REPLICATION_BUNDLE_UPLOAD: {
    message: 'The upload does not continue where the node is',
    hint: 'Import the file again; it goes on where it stopped.',
    category: 'conflict',
    retryable: true,
  },
  DW_REPLICATION_FILE: {
    message: 'The file cannot be read or written',
    hint: 'Check the path and its permissions.',
    category: 'invalid',
  },
  DW_REPLICATION_OUTPUT_NEEDED: {
    message: 'With --json the object’s bytes need a file to go to',
    hint: 'Add --output FILE, or leave --json out.',
    category: 'invalid',
  },
  DW_REPLICATION_TRANSFER_DAMAGED: {
    message: 'What arrived is not what the node announced',
    hint: 'Try again; nothing was written.',
    category: 'corrupt',
    retryable: true,
  },
  DW_REPLICATION_BAD_ANSWER: {
    message: 'The node answered what this command does not understand',
    hint: 'Run the same version of dw and of the node, and check --endpoint.',
    category: 'unavailable',
  },
  DW_REPLICATION_CLOSED: {
    message: 'Replication is stopping',
    hint: 'Finish the work that uses it before stopping the node.',
    category: 'unavailable',
    retryable: true,
  },
} as const satisfies ErrorTable;

/** A key of {@link replicationErrors}. */
export type ReplicationErrorCode = keyof typeof replicationErrors;

/** Builds an error of replication. */
export const replicationError = errorBuilder<ReplicationErrorCode>(replicationErrors);
