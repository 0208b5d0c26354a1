import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { QuickstartNode } from './quickstart-node.js';
import type { QuickstartRun } from './quickstart-run.js';
import { waitUntil } from './wait-until.js';

const joinTimeoutMs = 30_000;

/** Starts three nodes, each told about those before it, and waits until all know one another. */
export async function startNodes(run: QuickstartRun): Promise<readonly QuickstartNode[]> {
  const clusterSecret = randomBytes(32).toString('base64url');
  const nodes: QuickstartNode[] = [];
  for (const number of [1, 2, 3]) {
    const folder = join(run.folder, `node-${number}`);
    await mkdir(folder);
    nodes.push(
      await QuickstartNode.start({
        number,
        folder,
        clusterSecret,
        peers: nodes.map((node) => node.endpoint),
        isVerbose: run.isVerbose,
        group: run.group,
        signal: run.signal,
      }),
    );
  }
  for (const node of nodes) await waitForReplicas(node, nodes, run);
  run.checks.record('nodesKnowOneAnother', []);
  return nodes;
}

async function waitForReplicas(
  node: QuickstartNode,
  nodes: readonly QuickstartNode[],
  { signal }: QuickstartRun,
): Promise<void> {
  const others = nodes.filter((other) => other !== node).map(({ nodeId }) => nodeId);
  await waitUntil(
    async () => {
      const active = (await node.objects.replicas()).filter((replica) => replica.active);
      const ids = new Set(active.map(({ nodeId }) => nodeId));
      return others.every((id) => ids.has(id)) ? true : undefined;
    },
    { what: `${node.name} to know the others`, timeoutMs: joinTimeoutMs, signal },
  );
}
