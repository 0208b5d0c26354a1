import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** How a process appends. */
export interface LogProcessOptions {
  readonly directory: string;
  readonly reportFile: string;
  readonly life: number;
  readonly callers: number;
  readonly largestFiller: number;
  readonly isConsuming: boolean;
}

/** What a process has been told, in the order that it was told. */
export interface Report {
  readonly acknowledged: readonly {
    readonly sequence: number;
    readonly life: number;
    readonly caller: number;
    readonly index: number;
  }[];
  /** Last sequence that the consumer confirmed; 0 for none. */
  readonly confirmedSequence: number;
}

const main = join(import.meta.dirname, '..', 'dist', 'crash', 'log-crash.main.js');

/** A process that appends to a log until it is killed. */
export class LogProcess {
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown[]>;
  #errors = '';

  private constructor(options: LogProcessOptions) {
    this.#child = spawn(process.execPath, [main, JSON.stringify(options)], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#exited = once(this.#child, 'exit');
    this.#child.stderr?.setEncoding('utf8').on('data', (piece: string) => {
      this.#errors = (this.#errors + piece).slice(-4_000);
    });
  }

  static start(options: LogProcessOptions): LogProcess {
    return new LogProcess(options);
  }

  /** Resolves when the log is open and the callers begin. */
  async ready(): Promise<void> {
    await Promise.race([once(this.#child.stdout ?? this.#child, 'data'), this.#exited]);
  }

  /** Kills the process after some milliseconds, and waits until it is gone. */
  async killAfter(delayMs: number): Promise<void> {
    await delay(delayMs);
    this.#child.kill('SIGKILL');
    const [code, signal] = await this.#exited;
    if (signal !== 'SIGKILL')
      throw new Error(`The process ended with ${String(code)}: ${this.#errors}`);
  }
}

/** Reads what processes reported. A line that was cut off by the kill does not count. */
export async function readReport(file: string): Promise<Report> {
  const lines = (await readFile(file, 'utf8')).split('\n').slice(0, -1);
  const acknowledged: Report['acknowledged'][number][] = [];
  let confirmedSequence = 0;
  for (const line of lines) {
    const [kind, ...numbers] = line.split(' ');
    const [sequence = 0, life = 0, caller = 0, index = 0] = numbers.map(Number);
    if (kind === 'c') confirmedSequence = sequence;
    else acknowledged.push({ sequence, life, caller, index });
  }
  return { acknowledged, confirmedSequence };
}
