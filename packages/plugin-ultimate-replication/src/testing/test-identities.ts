import type { INodeIdentity } from '@datawarehouse/sdk';
import { createTestNodeIdentity } from '@datawarehouse/sdk/testing';

const identities = new Map<string, INodeIdentity>();

/** The identity of a node of a test: the same one each time, also after a restart. */
export function identityOf(nodeId: string): INodeIdentity {
  const identity = identities.get(nodeId) ?? createTestNodeIdentity(nodeId);
  identities.set(nodeId, identity);
  return identity;
}
