import type { ConformanceTest } from './conformance.js';

/** Which clauses a suite has, and which of them an implementation fails. */
export interface SuiteRun {
  readonly clauses: readonly string[];
  readonly failed: readonly string[];
}

/** Runs a suite without a runner, one clause after the other. */
export async function runSuite(register: (test: ConformanceTest) => void): Promise<SuiteRun> {
  const tests: { readonly name: string; readonly body: () => Promise<void> }[] = [];
  register((name, body) => tests.push({ name, body }));
  const failed: string[] = [];
  for (const { name, body } of tests) {
    const hasPassed = await body().then(
      () => true,
      () => false,
    );
    if (!hasPassed) failed.push(name);
  }
  return { clauses: tests.map(({ name }) => name), failed };
}
