import type { ConflictResolver } from '../conflict-resolver.js';

/** A node lets stand what another one wrote. */
export const remoteWins: ConflictResolver = Object.freeze({
  name: 'remoteWins',
  summary: 'A node that wrote one of the versions writes the latest of another node over it.',
  keeps: 'siblings',
  prefers: 'remote',
});
