import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TestCluster } from './test-node.js';

const ids = ['a', 'b', 'c'] as const;
const node = fc.integer({ min: 0, max: 2 });
const key = fc.constantFrom('k1', 'k2', 'k3');

const stepArbitrary = fc.oneof(
  { weight: 8, arbitrary: fc.record({ type: fc.constant('put' as const), node, key }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('delete' as const), node, key }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('cut' as const), node }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('heal' as const), node }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('kill' as const), node }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('start' as const), node }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('pause' as const), node }) },
);

type Step = typeof stepArbitrary extends fc.Arbitrary<infer T> ? T : never;

async function take(cluster: TestCluster, step: Step, turn: number): Promise<void> {
  const at = cluster.at(step.node);
  switch (step.type) {
    case 'put':
      if (!at.isGone) await at.put('docs', step.key, `value ${turn}`);
      return;
    case 'delete':
      if (!at.isGone) await at.objects.delete('docs', step.key).catch(() => undefined);
      return;
    case 'cut':
      cluster.network.cut(ids[step.node] ?? '', ids[(step.node + 1) % 3] ?? '');
      return;
    case 'heal':
      cluster.network.heal();
      return;
    case 'kill':
      await at.kill();
      return;
    case 'start':
      if (at.isGone) await cluster.again(step.node);
      return;
    case 'pause':
      await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe('three nodes', { timeout: 30_000 }, () => {
  it('end equal after any schedule of writes, deletions, cuts and deaths', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(stepArbitrary, { minLength: 5, maxLength: 40 }), async (steps) => {
        await using cluster = await TestCluster.start([...ids]);
        for (const [turn, step] of steps.entries()) await take(cluster, step, turn);
        cluster.network.heal();
        for (const index of ids.keys()) {
          if (cluster.at(index).isGone) await cluster.again(index);
        }
        await cluster.settled();
        const lists = await Promise.all(
          cluster.nodes.map(async ({ objects }) => (await objects.list('docs')).objects),
        );
        expect(lists[1]).toEqual(lists[0]);
        expect(lists[2]).toEqual(lists[0]);
        for (const { key: name } of lists[0] ?? []) {
          const texts = await Promise.all(cluster.nodes.map((one) => one.text('docs', name)));
          expect(new Set(texts).size).toBe(1);
        }
        for (const one of cluster.nodes) expect(one.metric('deadLetters')).toBe(0);
      }),
      { numRuns: 25 },
    );
  }, 120_000);
});
