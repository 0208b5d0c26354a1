import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { spawnDw } from './dw-process.js';

/** A line that an agent prints with --json. */
export interface AgentLine {
  readonly type: string;
  readonly [key: string]: unknown;
}

/** A client of the fleet in a process of its own. */
export class AgentProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #lines: AgentLine[] = [];
  readonly #waiting = new Set<() => void>();

  private constructor(child: ChildProcess) {
    this.#child = child;
    if (child.stdout === null) throw new Error('the agent has no output');
    createInterface({ input: child.stdout }).on('line', (line) => {
      this.#lines.push(JSON.parse(line) as AgentLine);
      for (const wake of [...this.#waiting]) wake();
    });
    child.stderr?.resume();
  }

  static start(server: string, directory: string, args: readonly string[] = []): AgentProcess {
    const base = ['agent', '--server', server, '--dir', directory, '--json'];
    return new AgentProcess(spawnDw([...base, ...args]));
  }

  /** Everything that it has told so far. */
  get lines(): readonly AgentLine[] {
    return this.#lines;
  }

  /** Resolves to the first line of a type that fits, told before or later. */
  async line(
    type: string,
    fits: (line: AgentLine) => boolean = () => true,
    timeoutMs = 30_000,
  ): Promise<AgentLine> {
    const deadline = AbortSignal.timeout(timeoutMs);
    for (;;) {
      const found = this.#lines.find((line) => line.type === type && fits(line));
      if (found !== undefined) return found;
      await new Promise<void>((resolve, reject) => {
        const wake = (): void => {
          this.#waiting.delete(wake);
          resolve();
        };
        this.#waiting.add(wake);
        deadline.addEventListener('abort', () => {
          reject(new Error(`no "${type}" from the agent; it told ${JSON.stringify(this.#lines)}`));
        });
      });
    }
  }

  /** Ends the process at once, as `kill -9` does. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const closed = once(this.#child, 'close');
    this.#child.kill('SIGKILL');
    await closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }
}
