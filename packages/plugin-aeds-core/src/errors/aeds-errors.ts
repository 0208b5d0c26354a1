import { type ErrorTable, errorBuilder } from '@datawarehouse/sdk';
import { jobErrors } from './job-errors.js';

/** Every code of AEDS, on the server and in the agent. */
export const aedsErrors = {
  ...jobErrors,
  DW_AEDS_STOPPED: {
    message: 'AEDS is stopping and takes no more work',
    hint: 'Try again when the node runs again.',
    category: 'unavailable',
    retryable: true,
  },
  DW_AEDS_CONFIG_INVALID: {
    message: 'The configuration of AEDS is malformed',
    hint: 'Correct the fields named in details.issues.',
    category: 'invalid',
  },
  DW_AEDS_REQUEST_INVALID: {
    message: 'The request is malformed',
    hint: 'Correct the fields named in details.issues.',
    category: 'invalid',
  },
  DW_AEDS_RECORD_DAMAGED: {
    message: 'A stored record of AEDS is damaged',
    hint: 'Restore the record named in details from a backup; check the disk.',
    category: 'corrupt',
  },
  DW_AEDS_KEY_FILE_INVALID: {
    message: 'A key file is damaged or readable by others',
    hint: 'Restore the file named in details with mode 0600; never make it anew over a used identity.',
    category: 'corrupt',
  },
  DW_AEDS_CHANNEL_UNKNOWN: {
    message: 'There is no such channel',
    hint: 'See `dw channels`, or make it with `dw channels create`.',
    category: 'notFound',
  },
  DW_AEDS_CHANNEL_EXISTS: {
    message: 'There is a channel of this id already',
    hint: 'Choose another id, or use the channel that is there.',
    category: 'conflict',
  },
  DW_AEDS_TOO_MANY_CHANNELS: {
    message: 'There are as many mandatory channels as a node can hold',
    hint: 'Make the channel voluntary, or use one that is there.',
    category: 'exhausted',
  },
  DW_AEDS_CLIENT_UNKNOWN: {
    message: 'There is no such client',
    hint: 'See `dw clients` for the clients of this node.',
    category: 'notFound',
  },
  DW_AEDS_CLIENT_REVOKED: {
    message: 'The client has been revoked',
    hint: 'Enrol it again with a new identity and a new PIN if it shall come back.',
    category: 'denied',
  },
  DW_AEDS_CLIENT_NOT_APPROVED: {
    message: 'The client waits for approval',
    hint: 'Approve it with `dw clients approve`.',
    category: 'denied',
  },
  DW_AEDS_NO_TARGETS: {
    message: 'Nobody would receive this',
    hint: 'Check that approved clients subscribe to the channel, with the trust and capability that it needs.',
    category: 'conflict',
  },
  DW_AEDS_TARGET_UNFIT: {
    message: 'A named client may not receive this',
    hint: 'See details.reasons: approval, trust level or capability is missing.',
    category: 'denied',
  },
  DW_AEDS_NOT_A_TARGET: {
    message: 'The client is no target of this job',
    hint: 'Only clients that a job was made for may fetch its payload or report on it.',
    category: 'denied',
  },
  DW_AEDS_ILLEGAL_MOVE: {
    message: 'A target cannot go from its state to the reported one',
    hint: 'A target’s final state stays; see `dw jobs show`.',
    category: 'conflict',
  },
  DW_AEDS_MANIFEST_INVALID: {
    message: 'The manifest is malformed or not in canonical form',
    hint: 'Publish again from a node of the same version.',
    category: 'invalid',
  },
  DW_AEDS_MANIFEST_EXPIRED: {
    message: 'The manifest has expired',
    hint: 'Publish again with a later expiry; check the clock of this machine.',
    category: 'denied',
  },
  DW_AEDS_MANIFEST_NOT_YET_VALID: {
    message: 'The manifest comes from the future',
    hint: 'Synchronise the clocks of both machines.',
    category: 'denied',
  },
  DW_AEDS_MANIFEST_REPLAYED: {
    message: 'The manifest was handled before',
    hint: 'Nothing to do: a manifest is handled once by each client.',
    category: 'conflict',
  },
  DW_AEDS_MANIFEST_SUPERSEDED: {
    message: 'A newer manifest has put its file in this place already',
    hint: 'Nothing to do, unless the older one is wanted: publish it again then.',
    category: 'conflict',
  },
  DW_AEDS_MANIFEST_WRONG_AUDIENCE: {
    message: 'The manifest is meant for others',
    hint: 'Check the channels of this client; if they are right, somebody sends it what is not its own.',
    category: 'denied',
  },
  DW_AEDS_SIGNATURE_INVALID: {
    message: 'No trusted key has signed exactly these bytes',
    hint: 'The manifest was altered, or its key is unknown here; compare key ids with the trust store.',
    category: 'denied',
  },
  DW_AEDS_KEY_NOT_VALID: {
    message: 'The signing key is revoked or outside its time of validity',
    hint: 'Sign with a valid key, or bring the trust store up to date.',
    category: 'denied',
  },
  DW_AEDS_RELEASE_SIGNATURE_MISSING: {
    message: 'The action needs the signature of a release key',
    hint: 'Sign the manifest with the offline release key as well.',
    category: 'denied',
  },
  DW_AEDS_ACTION_NOT_OFFERED: {
    message: 'This action is not offered',
    hint: 'Use passive or notify.',
    category: 'denied',
  },
  DW_AEDS_VERIFICATION_FAILED: {
    message: 'The manifest could not be verified',
    hint: 'What cannot be verified is refused; see the cause.',
    category: 'denied',
  },
  DW_AEDS_TRUST_INVALID: {
    message: 'The trust anchors are malformed',
    hint: 'Use the anchors that the server gave, or correct the trust file.',
    category: 'invalid',
  },
  DW_AEDS_PIN_INVALID: {
    message: 'The PIN is wrong',
    hint: 'Type the PIN that `dw clients invite` printed; after five wrong tries it is locked.',
    category: 'denied',
  },
  DW_AEDS_PIN_LOCKED: {
    message: 'The PIN is locked after too many wrong tries',
    hint: 'Make a new one with `dw clients invite`.',
    category: 'denied',
  },
  DW_AEDS_PIN_EXPIRED: {
    message: 'The PIN has expired',
    hint: 'Make a new one with `dw clients invite`.',
    category: 'denied',
  },
  DW_AEDS_PIN_USED: {
    message: 'The PIN was used by another client',
    hint: 'Make a new one with `dw clients invite`; if it was not you, revoke that client.',
    category: 'denied',
  },
  DW_AEDS_PIN_MISSING: {
    message: 'This client is not enrolled yet and has no PIN',
    hint: 'Make a PIN on the server with `dw clients invite`, and give it with --pin.',
    category: 'invalid',
  },
  DW_AEDS_TOO_MANY_INVITATIONS: {
    message: 'There are as many open invitations as a node can hold',
    hint: 'Wait until some expire, or use those that are open.',
    category: 'exhausted',
    retryable: true,
  },
  DW_AEDS_SERVER_NOT_AUTHENTIC: {
    message: 'The server could not prove that it is the one trusted here',
    hint: 'Check the address; somebody may stand between this machine and the server.',
    category: 'denied',
    retryable: true,
  },
  DW_AEDS_SERVER_UNREACHABLE: {
    message: 'The server could not be reached',
    hint: 'Check the address and that the node runs.',
    category: 'unavailable',
    retryable: true,
  },
  DW_AEDS_SERVER_REFUSED: {
    message: 'The server refused the request',
    hint: 'See details for what it said.',
    category: 'conflict',
    retryable: true,
  },
  DW_AEDS_UNAUTHENTICATED: {
    message: 'The request’s signature does not hold',
    hint: 'Enrol the client on this node; check that it talks to the node it enrolled on.',
    category: 'unauthenticated',
  },
  DW_AEDS_CLOCK_SKEW: {
    message: 'The request’s time is too far from this node’s clock',
    hint: 'Synchronise the clocks of both machines.',
    category: 'unauthenticated',
    retryable: true,
  },
  DW_AEDS_REPLAYED: {
    message: 'The request was received before',
    hint: 'Sign every request anew.',
    category: 'unauthenticated',
  },
  DW_AEDS_OVERLOADED: {
    message: 'The node has more requests in hand than it can remember',
    hint: 'Try again in a minute.',
    category: 'exhausted',
    retryable: true,
  },
  DW_AEDS_RANGE_NOT_SATISFIABLE: {
    message: 'The byte range lies outside the payload',
    hint: 'Ask for a range between 0 and the size of the payload.',
    category: 'invalid',
  },
  DW_AEDS_FILE_NAME_UNSAFE: {
    message: 'The name is not a plain file name',
    hint: 'Use a name of at most 255 bytes without separators, control characters or reserved names.',
    category: 'invalid',
  },
  DW_AEDS_PAYLOAD_MISMATCH: {
    message: 'The payload does not match the manifest',
    hint: 'It was altered on the way or on the server; publish it again.',
    category: 'denied',
  },
  DW_AEDS_PAYLOAD_TOO_LARGE: {
    message: 'The payload is larger than allowed',
    hint: 'Raise maxPayloadBytes, or publish less at a time.',
    category: 'tooLarge',
  },
  DW_AEDS_DISK_FULL: {
    message: 'There is no room for the payload',
    hint: 'Free some space; the download goes on from where it was.',
    category: 'exhausted',
    retryable: true,
  },
  DW_AEDS_FILE_IO: {
    message: 'A file could not be written',
    hint: 'Look at the cause, and at the permissions of the agent’s directory.',
    category: 'unavailable',
    retryable: true,
  },
  DW_AEDS_DIRECTORY_IN_USE: {
    message: 'Another agent uses this directory',
    hint: 'Stop the other agent, or give this one a directory of its own.',
    category: 'conflict',
  },
  DW_AEDS_DELIVERY_UNSUCCESSFUL: {
    message: 'The delivery came to nothing',
    hint: 'See the reason in the message, and `dw jobs show` on the node.',
    category: 'conflict',
  },
} as const satisfies ErrorTable;

/** A key of {@link aedsErrors}. */
export type AedsErrorCode = keyof typeof aedsErrors;

/** Builds an error of AEDS. */
export const aedsError = errorBuilder<AedsErrorCode>(aedsErrors);
