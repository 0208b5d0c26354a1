/** Something to be measured: does its work once, and returns its figure, mostly a rate. */
export type Contender = () => Promise<number> | number;

/** Median of some figures. */
export function median(figures: readonly number[]): number {
  const sorted = [...figures].sort((one, other) => one - other);
  const middle = Math.floor(sorted.length / 2);
  const [low, high] = [sorted[middle - 1] ?? 0, sorted[middle] ?? 0];
  return sorted.length % 2 === 1 ? high : (low + high) / 2;
}

/**
 * Runs contenders in turn, again and again, and returns the median of each: what the machine does
 * beside the benchmark falls on all of them.
 *
 * @param options.warmUps - Runs of each that do not count. Default: 1.
 */
export async function interleave<TName extends string>(
  contenders: Readonly<Record<TName, Contender>>,
  options: { readonly runs: number; readonly warmUps?: number },
): Promise<Readonly<Record<TName, number>>> {
  const names = Object.keys(contenders) as TName[];
  const figures = new Map<TName, number[]>(names.map((name) => [name, []]));
  const { runs, warmUps = 1 } = options;
  for (let run = -warmUps; run < runs; run += 1) {
    // Each round starts with another one: the first one pays for what the last one left behind.
    for (let place = 0; place < names.length; place += 1) {
      const name = names[(place + Math.max(0, run)) % names.length];
      if (name === undefined) continue;
      const figure = await contenders[name]();
      if (run >= 0) figures.get(name)?.push(figure);
    }
  }
  const medians = names.map((name) => [name, median(figures.get(name) ?? [])] as const);
  return Object.fromEntries(medians) as Record<TName, number>;
}

/** Things done a second. */
export async function rateOf(count: number, work: () => Promise<void> | void): Promise<number> {
  const startedMs = performance.now();
  await work();
  return (count / (performance.now() - startedMs)) * 1000;
}
