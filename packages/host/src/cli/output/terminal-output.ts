import type { CliOutput, ProgressReporter } from '@datawarehouse/sdk';
import { type CliStream, writeAll } from './cli-stream.js';
import { ProgressBar } from './progress-bar.js';
import { drawTable, type TableRow } from './table.js';

/** Where and how a command writes. */
export interface TerminalOutputOptions {
  readonly stdout: CliStream;
  readonly stderr: CliStream;
  readonly isJson: boolean;
}

const noProgress: ProgressReporter = Object.freeze({ advance: ignore, [Symbol.dispose]: ignore });

/** Standard output for results, standard error for everything beside them. */
export class TerminalOutput implements CliOutput {
  readonly isJson: boolean;
  readonly #stdout: CliStream;
  readonly #stderr: CliStream;

  constructor(options: TerminalOutputOptions) {
    this.isJson = options.isJson;
    this.#stdout = options.stdout;
    this.#stderr = options.stderr;
  }

  result(value: unknown, print: () => void): void {
    if (!this.isJson) {
      print();
      return;
    }
    // One line for programs that read line by line, indented for people.
    const indent = this.#stdout.isTTY === true ? 2 : 0;
    this.#stdout.write(`${JSON.stringify(value ?? {}, undefined, indent)}\n`);
  }

  line(text: string): void {
    if (!this.isJson) this.#stdout.write(`${text}\n`);
  }

  table(rows: readonly TableRow[]): void {
    for (const line of drawTable(rows)) this.line(line);
  }

  note(text: string): void {
    this.#stderr.write(`${text}\n`);
  }

  write(bytes: Uint8Array): Promise<void> {
    return writeAll(this.#stdout, bytes);
  }

  progress(label: string, total: number, unit: 'bytes' | 'items'): ProgressReporter {
    const stderr = this.#stderr;
    if (stderr.isTTY !== true) return noProgress;
    const terminal = {
      columns: stderr.columns ?? 80,
      write: (text: string): void => {
        stderr.write(text);
      },
    };
    return new ProgressBar({ label, total, unit, terminal });
  }
}

function ignore(): void {
  // Nobody looks at a bar that is not on a terminal.
}
