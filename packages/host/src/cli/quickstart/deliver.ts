import type { QuickstartNode } from './quickstart-node.js';
import type { QuickstartRun } from './quickstart-run.js';

/** What the delivery came to. */
export interface DeliveryOutcome {
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly agents: readonly { readonly clientId: string; readonly file: string }[];
}

export async function deliver(
  _run: QuickstartRun,
  _node: QuickstartNode,
): Promise<DeliveryOutcome> {
  throw new Error('not yet');
}
