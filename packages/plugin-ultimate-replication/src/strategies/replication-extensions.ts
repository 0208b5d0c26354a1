import { type Contract, contract } from '@datawarehouse/sdk';
import type { ConflictResolver } from '../conflict/conflict-resolver.js';
import type { ReplicationStrategy } from './replication-strategy.js';

/**
 * Lets other plugins add what decides over writes. What is added holds until it is disposed of, and
 * must be added again at each start: routes that name it are kept, and refuse writes meanwhile.
 *
 * Add the same on every node: a node that lacks a strategy keeps its versions and shows the latest.
 */
export interface IReplicationExtensions {
  /**
   * Adds a resolver. Throws a `TypeError` where the name is malformed or taken.
   */
  addResolver(resolver: ConflictResolver): Disposable;

  /**
   * Adds a strategy. Throws a `TypeError` where the name is malformed or taken, or there is no such
   * resolver.
   */
  addStrategy(strategy: ReplicationStrategy): Disposable;
}

/** Injection token of the contract of the same name. */
export const IReplicationExtensions: Contract<IReplicationExtensions> = contract(
  'dw.plugin-ultimate-replication.IReplicationExtensions',
  { introduced: '6.0.0' },
);
