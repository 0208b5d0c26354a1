import { createHash } from 'node:crypto';
import { PassThrough } from 'node:stream';
import { type ApiClient, type ApiResponse, DwError } from '@datawarehouse/sdk';
import { describe, expect, it } from 'vitest';
import { TerminalOutput } from '../output/terminal-output.js';
import { compareListings, compareObjects, lagOf, waitUntilSettled } from './compare-nodes.js';
import { ObjectClient } from './object-client.js';

type Objects = Readonly<Record<string, string>>;

const run = {
  signal: new AbortController().signal,
  output: new TerminalOutput({
    stdout: new PassThrough(),
    stderr: new PassThrough(),
    isJson: false,
  }),
};

function answer(json: unknown, text = ''): ApiResponse {
  const body = async function* () {
    yield Buffer.from(text);
  };
  return { status: 200, headers: {}, body: body(), json: async () => json };
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** A node that holds texts by key in the namespace `docs/x`, listed two a page. */
function nodeWith(nodeId: string, objects: Objects, replicas: readonly unknown[] = []) {
  const keys = Object.keys(objects).sort();
  const list = (after: string | undefined) => {
    const rest = keys.filter((key) => after === undefined || key > after);
    const page = rest.slice(0, 2).map((key) => {
      const text = objects[key] ?? '';
      return { key, digest: digest(text), sizeBytes: text.length, version: `v-${text}` };
    });
    return { objects: page, ...(rest.length > 2 && { next: page[1]?.key }) };
  };
  const api: ApiClient = {
    endpoint: 'http://127.0.0.1:1',
    request: async (_, path, { query } = {}) => {
      if (path === '/api/v1/namespaces') return answer({ namespaces: ['docs/x'] });
      if (path === '/api/v1/replicas') return answer({ replicas });
      if (path === '/api/v1/objects/docs%2Fx') return answer(list(query?.['after'] as string));
      const text = objects[path.split('/').at(-1) ?? ''];
      if (text !== undefined) return answer({}, text);
      throw new DwError('DW_REPLICATION_NOT_FOUND', 'none', { category: 'notFound' });
    },
  };
  return { name: nodeId, nodeId, objects: new ObjectClient(api) };
}

function expected(objects: Readonly<Record<string, string | undefined>>) {
  return Object.entries(objects).map(([key, text]) => ({
    namespace: 'docs/x',
    key,
    sha256: text === undefined ? undefined : digest(text),
  }));
}

const all = { a: 'one', b: 'two', c: 'three', d: '', e: 'five' };

describe('compareObjects', () => {
  it('finds nothing where every node has every byte', async () => {
    const nodes = [nodeWith('n1', all), nodeWith('n2', all)];
    expect(await compareObjects(run, nodes, expected({ ...all, gone: undefined }))).toEqual([]);
  });

  it.each<[string, Objects, RegExp]>([
    ['another byte', { ...all, c: 'thrEe' }, /docs\/x c on n2 is [0-9a-f]{64} instead of/],
    ['a missing object', { a: 'one', b: 'two', d: '', e: 'five' }, /c on n2 is missing instead of/],
    [
      'an object that must be gone',
      { ...all, gone: 'x' },
      /gone on n2 is [0-9a-f]+ instead of missing/,
    ],
  ])('tells of %s', async (_, held, problem) => {
    const nodes = [nodeWith('n1', all), nodeWith('n2', held)];
    const problems = await compareObjects(run, nodes, expected({ ...all, gone: undefined }));
    expect(problems).toEqual([expect.stringMatching(problem)]);
  });

  it('tells the first ten of many problems, and how many more there are', async () => {
    const many = Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`k${index}`, 'x']));
    const problems = await compareObjects(run, [nodeWith('n1', {})], expected(many));
    expect(problems).toHaveLength(11);
    expect(problems.at(-1)).toBe('and 20 more');
  });
});

describe('compareListings', () => {
  it('finds nothing where the listings are equal and complete', async () => {
    const nodes = [nodeWith('n1', all), nodeWith('n2', all), nodeWith('n3', all)];
    expect(await compareListings(nodes, expected({ ...all, gone: undefined }))).toEqual([]);
  });

  it.each<[string, Objects, RegExp]>([
    ['what is not listed', { a: 'one', b: 'two', c: 'three', d: '' }, /n2 does not list .*"e"/],
    ['what should not be listed', { ...all, gone: 'x' }, /n2 lists .*"gone"/],
    ['another version', { ...all, a: 'ONE' }, /n2 lists .*"a"/],
  ])('tells of %s', async (_, held, problem) => {
    const nodes = [nodeWith('n1', all), nodeWith('n2', held)];
    const problems = await compareListings(nodes, expected({ ...all, gone: undefined }));
    expect(problems).toEqual([expect.stringMatching(problem)]);
  });
});

describe('lagOf and waitUntilSettled', () => {
  const replica = { active: true, lag: 0, resynchronising: false };

  it('adds up what the nodes hold for others, or for one of them', async () => {
    const nodes = [
      nodeWith('n1', {}, [{ ...replica, nodeId: 'n2', lag: 3 }]),
      nodeWith('n2', {}, [{ ...replica, nodeId: 'n1', lag: 7 }]),
    ];
    expect(await lagOf(nodes)).toBe(10);
    const [, second] = nodes;
    if (second !== undefined) expect(await lagOf(nodes, { of: second })).toBe(3);
  });

  it('waits while a replica is away, behind or being copied', async () => {
    const states = [
      { ...replica, active: false },
      { ...replica, lag: 1 },
      { ...replica, resynchronising: true },
      replica,
    ].map((state) => ({ ...state, nodeId: 'n2' }));
    const seen: unknown[] = [];
    const node = nodeWith('n1', {});
    const objects = {
      replicas: async () => {
        const state = states[seen.length] ?? replica;
        seen.push(state);
        return [state];
      },
    } as unknown as ObjectClient;
    const settled = { ...node, objects };
    const other = nodeWith('n2', {}, [{ ...replica, nodeId: 'n1' }]);
    await waitUntilSettled(run, [settled, other]);
    expect(seen).toHaveLength(4);
  });
});
