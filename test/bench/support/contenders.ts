/** Something to be measured: does its work once, and returns its figure, mostly a rate. */
export type Contender = () => Promise<number> | number;

/** Median of some figures. */
export function median(figures: readonly number[]): number {
  const sorted = [...figures].sort((one, other) => one - other);
  const middle = Math.floor(sorted.length / 2);
  const [low, high] = [sorted[middle - 1] ?? 0, sorted[middle] ?? 0];
  return sorted.length % 2 === 1 ? high : (low + high) / 2;
}

/** Runs contenders as {@link rounds} does, and returns the median of each. */
export async function interleave<TName extends string>(
  contenders: Readonly<Record<TName, Contender>>,
  options: { readonly runs: number; readonly warmUps?: number },
): Promise<Readonly<Record<TName, number>>> {
  const figures = Object.entries<readonly number[]>(await rounds(contenders, options));
  const medians = figures.map(([name, all]) => [name, median(all)] as const);
  return Object.fromEntries(medians) as Record<TName, number>;
}

/**
 * Runs contenders in turn, again and again, and returns the figures of each, round by round: what
 * the machine does beside the benchmark falls on all of them.
 *
 * @param options.warmUps - Runs of each that do not count. Default: 1.
 */
export async function rounds<TName extends string>(
  contenders: Readonly<Record<TName, Contender>>,
  options: { readonly runs: number; readonly warmUps?: number },
): Promise<Readonly<Record<TName, readonly number[]>>> {
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
  return Object.fromEntries(figures) as unknown as Record<TName, readonly number[]>;
}

/** Things done a second. */
export async function rateOf(count: number, work: () => Promise<void> | void): Promise<number> {
  const startedMs = performance.now();
  await work();
  return (count / (performance.now() - startedMs)) * 1000;
}
