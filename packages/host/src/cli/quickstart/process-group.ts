import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { parseJson } from '../client/api-answer.js';
import { dwFile, ManagedProcess } from './managed-process.js';
import { quickstartError } from './quickstart-errors.js';

/** A child that runs until it is stopped. */
export interface StartOptions {
  /** For people: `node 3`. */
  readonly name: string;
  readonly args: readonly string[];
  readonly variables?: Readonly<Record<string, string>>;
}

/** A child that runs to its end, and answers in JSON. */
export interface RunOptions {
  readonly args: readonly string[];
  readonly variables: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Every child of the quickstart. None of them outlives it, unless released. */
export class ProcessGroup implements AsyncDisposable {
  readonly #folder: string;
  readonly #variables: NodeJS.ProcessEnv;
  readonly #processes: ManagedProcess[] = [];
  readonly #killAll = (): void => {
    for (const process of this.#processes) process.killNow();
  };
  #startedCount = 0;

  /** @param folder - Where logs go. */
  constructor(folder: string, variables: Readonly<Record<string, string | undefined>>) {
    this.#folder = folder;
    // What names another node or configuration must not reach the children.
    const inherited = Object.entries(variables).filter(([name]) => !name.startsWith('DW_'));
    this.#variables = Object.fromEntries(inherited);
    // Also where this process ends by an error that nobody expected.
    process.on('exit', this.#killAll);
  }

  /** All that were started, in order. */
  get processes(): readonly ManagedProcess[] {
    return this.#processes;
  }

  /** Starts a child. */
  start(options: StartOptions): ManagedProcess {
    this.#startedCount += 1;
    const stem = `${String(this.#startedCount).padStart(2, '0')}-${options.name.replaceAll(' ', '-')}`;
    const started = new ManagedProcess({
      name: options.name,
      args: options.args,
      variables: { ...this.#variables, ...options.variables },
      outputFile: join(this.#folder, `${stem}.out`),
      logFile: join(this.#folder, `${stem}.log`),
      workingDirectory: this.#folder,
    });
    this.#processes.push(started);
    return started;
  }

  /**
   * Runs `dw` with `--json` to its end, and returns what it printed.
   *
   * @throws DwError `DW_QUICKSTART_PROCESS`.
   */
  run(options: RunOptions): Promise<unknown> {
    const { args, timeoutMs, signal } = options;
    const variables = { ...this.#variables, ...options.variables };
    return new Promise((resolve, reject) => {
      execFile(
        process.execPath,
        [dwFile, ...args, '--json'],
        { cwd: this.#folder, env: variables, timeout: timeoutMs, signal, maxBuffer: 2 ** 24 },
        (error, stdout, stderr) => {
          if (error === null) resolve(parseJson(stdout));
          else if (signal.aborted) reject(signal.reason as Error);
          else reject(runError(args, stdout, stderr, error));
        },
      );
    });
  }

  /** Lets children live on, detached from this process. */
  release(released: readonly ManagedProcess[]): void {
    for (const process of released) {
      this.#processes.splice(this.#processes.indexOf(process), 1);
      process.release();
    }
  }

  /** Stops all children. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#processes.map((process) => process.stop({ timeoutMs: 10_000 })));
    process.off('exit', this.#killAll);
  }
}

function runError(args: readonly string[], stdout: string, stderr: string, cause: Error): Error {
  const said = stdout.trim() || stderr.trim() || cause.message;
  const command = `dw ${args.slice(0, 2).join(' ')}`;
  return quickstartError('DW_QUICKSTART_PROCESS', {
    message: `\`${command}\` failed: ${said.slice(0, 500)}`,
    hint: 'Look at the logs of the nodes.',
    cause,
    details: { command },
  });
}
