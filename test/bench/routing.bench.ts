import type { IPersistentBackingStore } from '@datawarehouse/sdk';
import { MemoryBackingStore } from '@datawarehouse/sdk/testing';
import { type BenchRow, boundedRow, runBenchmark } from './support/benchmark.js';
import { interleave } from './support/contenders.js';
import { loadBuilt } from './support/peer.js';

interface Route {
  readonly pattern: string;
  readonly strategy: string;
}
interface Match {
  readonly route: Route;
}
interface Table {
  match(namespace: string, key: string): Match | undefined;
}
interface Router {
  resolve(namespace: string, key: string): { readonly name: string };
  explain(namespace: string, key: string): { readonly match?: Match };
}
interface Pattern {
  matches(plainName: string): boolean;
}

const base = 'plugin-ultimate-replication/dist';
const { StrategyRouter } = await loadBuilt<{
  readonly StrategyRouter: { open(options: object): Promise<Router> };
}>(`${base}/routing/strategy-router.js`);
const { RoutingTable } = await loadBuilt<{
  readonly RoutingTable: { of(routes: readonly Route[]): Table };
}>(`${base}/routing/routing-table.js`);
const { compilePattern } = await loadBuilt<{
  readonly compilePattern: (pattern: string) => Pattern;
}>(`${base}/routing/route-pattern.js`);
const { StrategyRegistry } = await loadBuilt<{ readonly StrategyRegistry: new () => object }>(
  `${base}/strategies/strategy-registry.js`,
);

const routeCount = 10_000;
const mostResolvedUs = 5;
const mostNewUs = 100;

/** Routes of every shape that an index may find hard; the last ones have no literal beginning. */
function patternOf(index: number): string {
  const shapes = [
    `tenant-${index}/**`,
    `tenant-${index}/eu/report-*`,
    `*/region-${index}/**`,
    `**/*.kind${index}`,
    `{logs,traces}-${index}/*/[a-f]*`,
  ];
  return shapes[index % shapes.length] ?? '';
}

const routes = Array.from({ length: routeCount }, (_, index) => ({
  pattern: patternOf(index),
  strategy: ['synchronous', 'asynchronous', 'local-only'][index % 3] ?? '',
}));

/** The nth name: one in six fits no route. */
function nameOf(n: number): readonly [string, string] {
  const index = (n * 7_919) % routeCount;
  const names: readonly (readonly [string, string])[] = [
    [`tenant-${index}/eu`, `report-${n}.pdf`],
    [`tenant-${index}/us/archive`, `object-${n}`],
    [`customer-${n}/region-${index}`, `object-${n}`],
    [`customer-${n}`, `scan-${n}.kind${index}`],
    [`traces-${index}/today`, `each-${n}`],
    [`customer-${n}/somewhere/else`, `object-${n}.json`],
  ];
  return names[n % names.length] ?? ['', ''];
}

/** Microseconds that one of `count` takes. */
function microsecondsOf(count: number, work: (index: number) => void): number {
  const startedMs = performance.now();
  for (let index = 0; index < count; index += 1) work(index);
  return ((performance.now() - startedMs) * 1_000) / count;
}

/** What a scan of all routes in order decides. */
function scan(compiled: readonly Pattern[], namespace: string, key: string): number {
  let first = -1;
  for (const [place, { matches }] of compiled.entries()) {
    if (matches(namespace)) {
      if (first === -1) first = place;
    } else if (matches(`${namespace}/${key}`)) return place;
  }
  return first;
}

async function measure({ runs }: { readonly runs: number }): Promise<readonly BenchRow[]> {
  const store: IPersistentBackingStore = new MemoryBackingStore();
  const router = await StrategyRouter.open({
    store,
    strategies: new StrategyRegistry(),
    configured: { defaultStrategy: 'asynchronous', routes },
    maxCacheEntries: routeCount * 10,
  });
  const hot = Array.from({ length: 1_000 }, (_, index) => nameOf(index));
  const compiled = routes.map(({ pattern }) => compilePattern(pattern));
  const table = RoutingTable.of(routes);
  for (let n = 0; n < 60; n += 1) {
    const [namespace, key] = nameOf(n);
    const found = table.match(namespace, key)?.route;
    const expected = routes[scan(compiled, namespace, key)];
    if (found?.pattern !== expected?.pattern) throw new Error(`${namespace}/${key} differs`);
  }
  let fresh = 1_000;
  let slowestUs = 0;
  const contenders = {
    resolved: () =>
      microsecondsOf(200_000, (index) => {
        const [namespace, key] = hot[index % hot.length] ?? ['', ''];
        router.resolve(namespace, key);
      }),
    unseen: () =>
      microsecondsOf(20_000, () => {
        const [namespace, key] = nameOf(fresh++);
        router.resolve(namespace, key);
      }),
    scanned: () =>
      microsecondsOf(20, (index) => {
        const [namespace, key] = nameOf(index);
        scan(compiled, namespace, key);
      }),
  };
  const { resolved, unseen, scanned } = await interleave(contenders, { runs });
  for (let count = 0; count < 20_000; count += 1) {
    const [namespace, key] = nameOf(fresh++);
    slowestUs = Math.max(
      slowestUs,
      microsecondsOf(1, () => router.explain(namespace, key)),
    );
  }
  const unit = 'µs';
  const ofRoutes = `of ${routeCount} routes`;
  return [
    boundedRow({ name: `a resolved name, ${ofRoutes}`, value: resolved, unit }, mostResolvedUs),
    boundedRow({ name: `a new name, ${ofRoutes}`, value: unseen, unit }, mostNewUs),
    { name: 'the slowest of 20,000 new names', value: slowestUs, unit, note: 'with GC and clock' },
    { name: 'a scan of all of them in order', value: scanned, unit, note: 'what the index spares' },
  ];
}

await runBenchmark({ name: 'routing', measure });
