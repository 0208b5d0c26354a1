import { DwError, delay } from '@datawarehouse/sdk';

/** How a write is repeated. */
export interface RetryOptions {
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  /** Told about each write that has to be repeated. */
  readonly onRetry?: (error: DwError) => void;
}

/**
 * Writes through one of the running nodes, beginning with the one whose turn it is. What may
 * succeed later is tried again, through the next node, as a careful client does.
 */
export async function retryWrite<TNode extends { readonly isRunning: boolean }, T>(
  nodes: readonly TNode[],
  turn: number,
  write: (node: TNode, attempt: number) => Promise<T>,
  options: RetryOptions,
): Promise<T> {
  const { signal, timeoutMs, onRetry } = options;
  const deadlineMs = performance.now() + timeoutMs;
  for (let attempt = 0; ; attempt += 1) {
    const running = nodes.filter((node) => node.isRunning);
    const node = running[(turn + attempt) % running.length];
    if (node === undefined) throw new TypeError('No node is running');
    try {
      return await write(node, attempt);
    } catch (error) {
      signal.throwIfAborted();
      if (!DwError.is(error) || !error.retryable || performance.now() >= deadlineMs) throw error;
      onRetry?.(error);
      await delay(Math.min(100 * 2 ** attempt, 2000), { signal });
    }
  }
}
