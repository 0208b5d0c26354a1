import type { ConflictResolver } from '../conflict-resolver.js';

/** Keeps all versions, for the application to decide. */
export const siblings: ConflictResolver = Object.freeze({
  name: 'siblings',
  summary: 'All versions stay beside one another until a write that has seen them replaces them.',
  keeps: 'siblings',
});
