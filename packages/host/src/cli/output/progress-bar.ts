import { type Clock, type ProgressReporter, systemClock } from '@datawarehouse/sdk';
import { formatBytes, formatDuration } from './units.js';

/** Where a bar is drawn. */
export interface ProgressTerminal {
  readonly columns: number;
  write(text: string): void;
}

/** What a bar shows. */
export interface ProgressBarOptions {
  readonly label: string;
  readonly total: number;
  readonly unit: 'bytes' | 'items';
  readonly terminal: ProgressTerminal;
  readonly clock?: Clock;
}

const redrawMs = 100;

/** A line on a terminal that tells how far something is, how fast, and how long it takes yet. */
export class ProgressBar implements ProgressReporter {
  readonly #options: ProgressBarOptions;
  readonly #clock: Clock;
  readonly #startedMs: number;
  #done = 0;
  #drawnMs = Number.NEGATIVE_INFINITY;
  #isOver = false;

  constructor(options: ProgressBarOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#startedMs = this.#clock.monotonicMs();
    this.#draw();
  }

  advance(by: number): void {
    this.#done += by;
    if (this.#isOver || this.#clock.monotonicMs() - this.#drawnMs < redrawMs) return;
    this.#draw();
  }

  [Symbol.dispose](): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#draw();
    this.#options.terminal.write('\n');
  }

  #draw(): void {
    this.#drawnMs = this.#clock.monotonicMs();
    const { terminal } = this.#options;
    // A line as wide as the terminal would wrap on some of them.
    const line = this.#line().slice(0, Math.max(10, terminal.columns - 1));
    terminal.write(`\r${line}\u001b[K`);
  }

  #line(): string {
    const { label, total, unit } = this.#options;
    const elapsedMs = this.#drawnMs - this.#startedMs;
    const amount = unit === 'bytes' ? formatBytes : String;
    const ratePerS = elapsedMs > 0 ? (this.#done * 1000) / elapsedMs : 0;
    const rate = `${amount(Math.round(ratePerS))}/s`;
    if (total <= 0) return `${label}  ${amount(this.#done)}  ${rate}`;
    const ratio = Math.min(1, this.#done / total);
    const percent = `${Math.floor(ratio * 100)} %`.padStart(5);
    const parts = [label, bar(ratio), percent, `${amount(this.#done)} of ${amount(total)}`, rate];
    return [...parts, this.#remaining(ratePerS, elapsedMs)].join('  ');
  }

  #remaining(ratePerS: number, elapsedMs: number): string {
    const left = this.#options.total - this.#done;
    if (left <= 0 || this.#isOver) return `in ${formatDuration(elapsedMs)}`;
    return ratePerS > 0 ? `${formatDuration((left * 1000) / ratePerS)} left` : '';
  }
}

function bar(ratio: number): string {
  const width = 24;
  const full = Math.floor(ratio * width);
  return `[${'='.repeat(full)}${' '.repeat(width - full)}]`;
}
