import type { ConflictResolver } from '../conflict-resolver.js';

/** Keeps the latest version. */
export const latestWins: ConflictResolver = Object.freeze({
  name: 'latestWins',
  summary: 'The latest version stays; the others go to the conflict log.',
  keeps: 'latest',
});
