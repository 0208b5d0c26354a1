import { describe, expect, it } from 'vitest';
import { cliError } from '../cli-errors.js';
import { waitUntil } from './wait-until.js';

const options = {
  what: 'the answer',
  timeoutMs: 1000,
  intervalMs: 1,
  signal: new AbortController().signal,
};

describe('waitUntil', () => {
  it('gives the first value', async () => {
    let asked = 0;
    const value = await waitUntil(async () => {
      asked += 1;
      return asked < 3 ? undefined : asked;
    }, options);
    expect(value).toBe(3);
  });

  it('takes a retryable error for not yet', async () => {
    let asked = 0;
    const probe = async () => {
      asked += 1;
      if (asked < 3) throw cliError('DW_CLI_UNREACHABLE');
      return 'there';
    };
    expect(await waitUntil(probe, options)).toBe('there');
  });

  it('passes another error on at once', async () => {
    const probe = () => Promise.reject(cliError('DW_CLI_NOT_A_NODE'));
    await expect(waitUntil(probe, options)).rejects.toMatchObject({ code: 'DW_CLI_NOT_A_NODE' });
  });

  it('ends at the deadline, and says what it waited for and why', async () => {
    const probe = () => Promise.reject(cliError('DW_CLI_UNREACHABLE'));
    await expect(waitUntil(probe, { ...options, timeoutMs: 20 })).rejects.toMatchObject({
      code: 'DW_QUICKSTART_TIMEOUT',
      message: expect.stringMatching(/the answer; last: .*\[DW_CLI_UNREACHABLE\]/),
    });
  });

  it('ends when aborted', async () => {
    const abort = new AbortController();
    const waiting = waitUntil(async () => undefined, { ...options, signal: abort.signal });
    abort.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
  });
});
