import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseJson } from '../client/api-answer.js';
import { peakMemoryBytes } from './peak-memory.js';
import { quickstartError } from './quickstart-errors.js';
import { waitUntil } from './wait-until.js';

/** The command's own file, which the children run too. */
export const dwFile: string = fileURLToPath(new URL('../main.js', import.meta.url));

/** A child that runs `dw` for a while. */
export interface ManagedProcessOptions {
  /** For people: `node 3`. */
  readonly name: string;
  readonly args: readonly string[];
  readonly variables: NodeJS.ProcessEnv;
  /** Where its standard output goes. */
  readonly outputFile: string;
  /** Where its standard error, and so its log, goes. */
  readonly logFile: string;
  readonly workingDirectory: string;
}

/** A child process whose output goes to files, so that it can outlive this one. */
export class ManagedProcess {
  readonly name: string;
  readonly pid: number;
  readonly logFile: string;
  readonly #outputFile: string;
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;
  #peakBytes: number | undefined;

  constructor(options: ManagedProcessOptions) {
    const output = openSync(options.outputFile, 'a', 0o600);
    const log = openSync(options.logFile, 'a', 0o600);
    try {
      this.#child = spawn(process.execPath, [dwFile, ...options.args], {
        cwd: options.workingDirectory,
        env: options.variables,
        // In a group of its own: Ctrl-C is for this process, which then ends its children.
        detached: true,
        stdio: ['ignore', output, log],
      });
    } finally {
      closeSync(output);
      closeSync(log);
    }
    this.name = options.name;
    this.logFile = options.logFile;
    this.#outputFile = options.outputFile;
    this.#exited = new Promise((resolve) => {
      this.#child.once('exit', () => resolve());
      this.#child.once('error', () => resolve());
    });
    this.pid = this.#child.pid ?? 0;
  }

  get isRunning(): boolean {
    return this.pid !== 0 && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** @throws DwError `DW_QUICKSTART_PROCESS` where it has ended. */
  async assertRunning(): Promise<void> {
    if (!this.isRunning) throw await this.#died(undefined);
  }

  /** Waits for the first line on its standard output, which is JSON. */
  async firstLine(options: {
    readonly timeoutMs: number;
    readonly signal: AbortSignal;
  }): Promise<unknown> {
    return waitUntil(
      async () => {
        const wasRunning = this.isRunning;
        const text = await readFile(this.#outputFile, 'utf8');
        const end = text.indexOf('\n');
        const line = end < 0 ? undefined : parseJson(text.slice(0, end));
        if (!wasRunning) throw await this.#died(line);
        return line;
      },
      { ...options, what: `${this.name} to be ready`, intervalMs: 50 },
    );
  }

  /** The most memory that it has held, as far as it was measured. */
  get peakBytes(): number | undefined {
    return this.#peakBytes;
  }

  /** Measures its memory; the system forgets it with the process. */
  async measure(): Promise<void> {
    if (this.isRunning) this.#peakBytes = (await peakMemoryBytes(this.pid)) ?? this.#peakBytes;
  }

  /** Ends it at once, as `kill -9` does. */
  async kill(): Promise<void> {
    await this.measure();
    this.killNow();
    await this.#exited;
  }

  /** As {@link kill}, without waiting, for a process that is about to end itself. */
  killNow(): void {
    if (this.isRunning) this.#child.kill('SIGKILL');
  }

  /** Ends it in order, or at once when that takes too long. */
  async stop(options: { readonly timeoutMs: number }): Promise<void> {
    await this.measure();
    if (!this.isRunning) return;
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.killNow(), options.timeoutMs);
    await this.#exited;
    clearTimeout(timer);
  }

  /** Lets it live on when this process ends. */
  release(): void {
    this.#child.unref();
  }

  async #died(line: unknown): Promise<Error> {
    const log = await readFile(this.logFile, 'utf8');
    const said = errorMessage(line) ?? log.trimEnd().split('\n').at(-1) ?? '';
    return quickstartError('DW_QUICKSTART_PROCESS', {
      message: `${this.name} ended by itself: ${said.slice(0, 500)} (log: ${this.logFile})`,
      details: { process: this.name, logFile: this.logFile, exitCode: this.#child.exitCode },
    });
  }
}

function errorMessage(line: unknown): string | undefined {
  if (typeof line !== 'object' || line === null || !('error' in line)) return undefined;
  const { error } = line;
  if (typeof error !== 'object' || error === null || !('message' in error)) return undefined;
  return String(error.message);
}
