import { describe, expect, it } from 'vitest';
import { cliError } from '../cli-errors.js';
import { retryWrite } from './retry-write.js';

const options = { signal: new AbortController().signal, timeoutMs: 5000 };

function nodesOf(...running: readonly boolean[]) {
  return running.map((isRunning, index) => ({ name: `n${index}`, isRunning }));
}

describe('retryWrite', () => {
  it('begins with the node whose turn it is, among those that run', async () => {
    const name = async (node: { name: string }) => node.name;
    expect(await retryWrite(nodesOf(true, true, true), 4, name, options)).toBe('n1');
    expect(await retryWrite(nodesOf(false, true, true), 0, name, options)).toBe('n1');
  });

  it('tries the next node after a retryable error, and tells', async () => {
    const told: string[] = [];
    const tried: [string, number][] = [];
    const write = async (node: { name: string }, attempt: number) => {
      tried.push([node.name, attempt]);
      if (attempt < 2) throw cliError('DW_CLI_CONNECTION_LOST');
      return 'done';
    };
    const onRetry = ({ code }: { code: string }) => void told.push(code);
    expect(await retryWrite(nodesOf(true, true), 0, write, { ...options, onRetry })).toBe('done');
    expect(tried).toEqual([
      ['n0', 0],
      ['n1', 1],
      ['n0', 2],
    ]);
    expect(told).toEqual(['DW_CLI_CONNECTION_LOST', 'DW_CLI_CONNECTION_LOST']);
  });

  it('passes on at once what no other try can mend', async () => {
    let triedCount = 0;
    const write = () => {
      triedCount += 1;
      return Promise.reject(cliError('DW_CLI_NOT_A_NODE'));
    };
    await expect(retryWrite(nodesOf(true), 0, write, options)).rejects.toMatchObject({
      code: 'DW_CLI_NOT_A_NODE',
    });
    expect(triedCount).toBe(1);
  });

  it('gives up at its deadline', async () => {
    const write = () => Promise.reject(cliError('DW_CLI_TIMEOUT'));
    const short = { ...options, timeoutMs: 0 };
    await expect(retryWrite(nodesOf(true), 0, write, short)).rejects.toMatchObject({
      code: 'DW_CLI_TIMEOUT',
    });
  });
});
