import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const module = fileURLToPath(new URL('process-guard.ts', import.meta.url));

/** A guarded process that runs `code` and, where it lives, says so in the end. */
const program = (directory: string, code: string): string => `
import { createJiti } from 'jiti';
const { guardProcess } = await createJiti(${JSON.stringify(module)}, { fsCache: false })
  .import(${JSON.stringify(module)});
const say = (text) => process.stdout.write(text + '\\n');
guardProcess({
  logger: { error: ({ error, plugin }, message) => say(message + ': ' + error.message + ' ' + plugin) },
  plugins: () => [{ id: 'careless', directory: ${JSON.stringify(directory)} }],
  onDidFail: (error) => { say('fatal: ' + error.message); process.exit(1); },
});
process.once('beforeExit', () => say('alive'));
${code}
`;

describe('guardProcess', () => {
  let root: string;
  let directory: string;

  beforeEach(async () => {
    // Blanks and letters beyond ASCII stand percent-encoded in a stack.
    root = await realpath(await mkdtemp(join(tmpdir(), 'dw-guard-')));
    directory = join(root, 'plug ïn');
    await mkdir(directory);
  });

  afterEach(async () => {
    await rm(root, { recursive: true, force: true });
  });

  async function run(code: string) {
    const child = spawn(process.execPath, ['--input-type=module', '-e', program(directory, code)], {
      cwd: import.meta.dirname,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    const [exitCode] = (await once(child, 'close')) as [number | null];
    return { lines: output.trim().split('\n'), exitCode };
  }

  it.each([
    ['mjs', 'export const start'],
    ['cjs', 'exports.start'],
  ])(
    'logs what a plugin (.%s) throws in a timer or leaves rejected, with its name, and goes on',
    async (extension, start) => {
      const file = join(directory, `plugin.${extension}`);
      await writeFile(
        file,
        `${start} = () => {
        setTimeout(() => { throw new Error('in a timer'); }, 1);
        setTimeout(() => { Promise.reject(new Error('in a promise')); }, 10);
      };`,
      );
      const code = `(await import(${JSON.stringify(pathToFileURL(file).href)})).start();`;
      expect(await run(code)).toEqual({
        lines: [
          'an error was not caught: in a timer careless',
          'a promise was rejected, and nobody took notice: in a promise careless',
          'alive',
        ],
        exitCode: 0,
      });
    },
  );

  it('blames no plugin whose folder only begins like another one', async () => {
    const file = `${directory} too.cjs`;
    await writeFile(file, `setTimeout(() => { throw new Error('not his'); }, 1);`);
    expect(await run(`await import(${JSON.stringify(pathToFileURL(file).href)});`)).toEqual({
      lines: ['an error was not caught: not his undefined', 'fatal: not his'],
      exitCode: 1,
    });
  });

  it('reports an error that is no plugin’s', async () => {
    expect(await run(`setTimeout(() => { throw new Error('ours'); }, 1);`)).toEqual({
      lines: ['an error was not caught: ours undefined', 'fatal: ours'],
      exitCode: 1,
    });
  });
});
