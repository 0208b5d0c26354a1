import type { ConflictResolver } from '../conflict-resolver.js';

/** A node lets stand what it wrote itself. */
export const localWins: ConflictResolver = Object.freeze({
  name: 'localWins',
  summary: 'A node that wrote one of the versions writes it again over the others.',
  keeps: 'siblings',
  prefers: 'local',
});
