import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const module = JSON.stringify(fileURLToPath(new URL('interruption.ts', import.meta.url)));

/** Runs code in a process that listens to signals; `signal(name)` sends it one. */
async function run(code: string): Promise<{ output: string; exitCode: number | null }> {
  const program = `
    import { createJiti } from 'jiti';
    import { setTimeout as sleep } from 'node:timers/promises';
    const { abortOnSignals } = await createJiti(${module}, { fsCache: false }).import(${module});
    const controller = new AbortController();
    abortOnSignals(controller);
    const signal = (name) => process.emit(name);
    controller.signal.addEventListener('abort', () => console.log(controller.signal.reason.message));
    ${code}
    process.exit(0);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    cwd: import.meta.dirname,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const [exitCode] = (await once(child, 'close')) as [number | null];
  return { output, exitCode };
}

describe('abortOnSignals', () => {
  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'])(
    'aborts at %s, and the process lives on',
    async (name) => {
      const { output, exitCode } = await run(`signal('${name}'); console.log('lives');`);
      expect(output).toBe(`The command was interrupted by ${name}\nlives\n`);
      expect(exitCode).toBe(0);
    },
  );

  it('ends the process at the second signal, whichever', async () => {
    const code = `signal('SIGTERM'); await sleep(150); signal('SIGINT'); console.log('lives');`;
    expect(await run(code)).toEqual({
      output: 'The command was interrupted by SIGTERM\n',
      exitCode: 1,
    });
  });

  it('takes a signal that arrives twice at once for one', async () => {
    const { exitCode } = await run(`signal('SIGTERM'); signal('SIGTERM');`);
    expect(exitCode).toBe(0);
  });
});
