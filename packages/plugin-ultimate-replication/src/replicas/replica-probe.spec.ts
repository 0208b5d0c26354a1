import { ManualClock } from '@datawarehouse/sdk/testing';
import { describe, expect, it } from 'vitest';
import { ReplicaProbe } from './replica-probe.js';
import type { Replica } from './replica-registry.js';

/** A probe whose answers the test gives; `random` is 0.5, so that nothing is spread. */
function startProbe() {
  const clock = new ManualClock();
  const asked: number[] = [];
  let answers = true;
  let replica: Replica = {
    nodeId: 'b',
    endpoint: undefined,
    isActive: true,
    consecutiveFailures: 0,
  };
  const probe = new ReplicaProbe({
    clock,
    intervalMs: 30_000,
    random: () => 0.5,
    ask: async () => {
      asked.push(clock.monotonicMs());
      if (!answers) throw new Error('silent');
    },
    replica: () => replica,
    onDidSucceed: () => {
      replica = { ...replica, isActive: true, consecutiveFailures: 0 };
    },
    onDidFail: () => {
      const consecutiveFailures = replica.consecutiveFailures + 1;
      replica = { ...replica, isActive: consecutiveFailures < 3, consecutiveFailures };
    },
  });
  probe.start();
  return {
    asked,
    probe,
    replica: () => replica,
    answer: (does: boolean) => {
      answers = does;
    },
    pass: async (ms: number) => {
      const endMs = clock.monotonicMs() + ms;
      while (clock.monotonicMs() < endMs) {
        await settle();
        clock.advance(Math.min(50, endMs - clock.monotonicMs()));
      }
      await settle();
    },
  };
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
}

describe('ReplicaProbe', () => {
  it('asks at once, and then once an interval', async () => {
    const { asked, pass, probe } = startProbe();
    await pass(65_000);
    expect(asked).toEqual([0, 30_000, 60_000]);
    await probe.stop();
  });

  it('makes a silent replica inactive after three failures an interval apart', async () => {
    const { answer, pass, replica, probe } = startProbe();
    await pass(0);
    answer(false);
    await pass(65_000);
    expect(replica()).toMatchObject({ isActive: true, consecutiveFailures: 2 });
    await pass(26_000);
    expect(replica()).toMatchObject({ isActive: false, consecutiveFailures: 3 });
    await probe.stop();
  });

  it('asks soon, and again shortly, when there is a doubt', async () => {
    const { answer, asked, pass, probe, replica } = startProbe();
    await pass(0);
    answer(false);
    probe.suspect();
    await pass(600);
    expect(asked).toEqual([0, 0, 250, 500]);
    expect(replica().isActive).toBe(false);
    await probe.stop();
  });

  it('asks an inactive replica ever less often, and makes it active at the first answer', async () => {
    const { answer, asked, pass, probe, replica } = startProbe();
    await pass(0);
    answer(false);
    probe.suspect();
    await pass(20_000);
    expect(asked.length).toBeLessThan(11);
    answer(true);
    await pass(5_000);
    expect(replica()).toMatchObject({ isActive: true, consecutiveFailures: 0 });
    await probe.stop();
  });
});
