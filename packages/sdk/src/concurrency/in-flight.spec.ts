import { describe, expect, it } from 'vitest';
import { InFlight } from './in-flight.js';

describe('InFlight', () => {
  it('drains at once when nothing is in flight', async () => {
    await new InFlight().drain();
  });

  it('drains when the last call has settled, failures included', async () => {
    const inFlight = new InFlight();
    const log: string[] = [];
    const resolvers: (() => void)[] = [];
    const call = (): Promise<void> =>
      inFlight.run(() => new Promise<void>((resolve) => resolvers.push(resolve)));
    const failing = inFlight.run(() => {
      throw new Error('failed');
    });
    const calls = [call(), call()];
    const drained = inFlight.drain().then(() => log.push('drained'));
    await expect(failing).rejects.toThrow('failed');
    for (const resolve of resolvers) {
      log.push('resolve');
      resolve();
      await Promise.all([]);
    }
    await Promise.all([...calls, drained]);
    expect(log).toEqual(['resolve', 'resolve', 'drained']);
  });
});
