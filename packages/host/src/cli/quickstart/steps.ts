import type { CliOutput } from '@datawarehouse/sdk';
import { formatDuration } from '../output/units.js';
import type { StepReport } from './quickstart-report.js';

/** Runs the steps one after another, tells when each begins and ends, and times them. */
export class Steps {
  readonly #output: CliOutput;
  readonly #count: number;
  readonly #reports: StepReport[] = [];

  constructor(output: CliOutput, count: number) {
    this.#output = output;
    this.#count = count;
  }

  get reports(): readonly StepReport[] {
    return this.#reports;
  }

  /** @param describe - Says in a few words what came out. */
  async run<T>(step: string, work: () => Promise<T>, describe: (result: T) => string): Promise<T> {
    const number = this.#reports.length + 1;
    this.#output.note(`[${number}/${this.#count}] ${step} ...`);
    const startedMs = performance.now();
    let outcome = 'failed';
    try {
      const result = await work();
      outcome = describe(result);
      return result;
    } finally {
      const tookMs = performance.now() - startedMs;
      this.#reports.push({ step, seconds: Math.round(tookMs) / 1000, outcome });
      this.#output.note(`      ${outcome}, in ${formatDuration(tookMs)}`);
    }
  }
}
