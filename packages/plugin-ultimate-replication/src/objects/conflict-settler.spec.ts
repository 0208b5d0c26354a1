import { describe, expect, it } from 'vitest';
import { TestCluster } from '../testing/test-node.js';
import { preferredOf } from './conflict-settler.js';
import type { ObjectRecord } from './object-record.js';
import { versionSchema } from './object-version.js';
import { emptyVector } from './version-vector.js';

const config = {
  strategies: [
    { name: 'local-first', resolver: 'localWins' },
    { name: 'remote-first', resolver: 'remoteWins' },
  ],
  routes: [
    { pattern: 'local', strategy: 'local-first' },
    { pattern: 'remote', strategy: 'remote-first' },
  ],
};

/** Two nodes that write an object in ignorance of one another, and then settle it at once. */
async function startConflict(namespace: string) {
  const cluster = await TestCluster.start(['a', 'b', 'c'], { config });
  cluster.network.cut('a', 'b');
  cluster.network.cut('a', 'c');
  await cluster.at(0).put(namespace, 'k', 'of a');
  await cluster.at(1).put(namespace, 'k', 'of b');
  cluster.network.heal();
  await cluster.settled();
  return cluster;
}

describe.each(['local', 'remote'])('ConflictSettler, where the %s version wins', (namespace) => {
  it('ends with one version on every node, though two nodes settle at once', {
    timeout: 30_000,
  }, async () => {
    await using cluster = await startConflict(namespace);
    const objects = await Promise.all(
      cluster.nodes.map((node) => node.objects.get(namespace, 'k')),
    );
    expect(new Set(objects.map(({ version }) => version)).size).toBe(1);
    expect(new Set(objects.map(({ digest }) => digest)).size).toBe(1);
    expect(objects.map(({ siblingCount }) => siblingCount)).toEqual([1, 1, 1]);
  });

  it('writes no more than one version a node, and none on a node that wrote neither', {
    timeout: 30_000,
  }, async () => {
    await using cluster = await startConflict(namespace);
    // Whoever answered a version of the other with one of his own would go on doing so.
    await cluster.at(2).put('other', 'fence', 'x');
    await cluster.settled();
    const [a, b, c] = cluster.nodes.map((node) => Number(node.metric('walWrites')));
    expect(a).toBeLessThanOrEqual(2);
    expect(b).toBeLessThanOrEqual(2);
    expect(Number(a) + Number(b)).toBeGreaterThan(2);
    expect(c).toBe(1);
  });

  it('leaves what was discarded in the conflict log, with the name of the resolver', {
    timeout: 30_000,
  }, async () => {
    await using cluster = await startConflict(namespace);
    const logs = (await Promise.all(cluster.nodes.map((node) => node.conflicts()))).flat();
    expect(logs.map(({ resolver }) => resolver)).toContain(`${namespace}Wins`);
    const kept = await cluster.at(2).text(namespace, 'k');
    const lost = logs.filter(({ isHeld }) => isHeld).map(({ writtenBy }) => writtenBy);
    expect(lost.length).toBeGreaterThan(0);
    expect(['of a', 'of b']).toContain(kept);
  });
});

describe('preferredOf', () => {
  const version = (text: string, isFinal = false): ObjectRecord => {
    const stamp = versionSchema.parse(text);
    return {
      ...{ namespace: 'n', key: 'k', version: stamp, context: emptyVector },
      floor: isFinal ? stamp : undefined,
      ...{ updatedAtMs: 0, strategy: 'local-first' },
    };
  };
  const [a, b, c] = [version('1.0@a'), version('2.0@b'), version('3.0@c')];

  it('is what the node wrote, or the latest that another one wrote', () => {
    expect(preferredOf([c, b, a], 'a', 'local')).toBe(a);
    expect(preferredOf([c, b, a], 'a', 'remote')).toBe(c);
    expect(preferredOf([c, b, a], 'c', 'remote')).toBe(b);
  });

  it('is for none to say that wrote no version, has one alone, or has no preference', () => {
    expect(preferredOf([c, b], 'a', 'local')).toBeUndefined();
    expect(preferredOf([a], 'a', 'local')).toBeUndefined();
    expect(preferredOf([b, a], 'a', undefined)).toBeUndefined();
  });

  it('is for none to say where a version has settled already', () => {
    expect(preferredOf([c, version('2.5@b', true)], 'b', 'local')).toBeUndefined();
  });
});
