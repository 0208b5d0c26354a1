import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { flush } from './cli-stream.js';
import { TerminalOutput } from './terminal-output.js';

function setUp(options: { isJson?: boolean; isTTY?: boolean } = {}) {
  const { isJson = false, isTTY = false } = options;
  const stdout = Object.assign(new PassThrough(), { isTTY, columns: 80 });
  const stderr = Object.assign(new PassThrough(), { isTTY, columns: 80 });
  const read = (stream: PassThrough) => String(stream.read() ?? '');
  const output = new TerminalOutput({ stdout, stderr, isJson });
  return { output, stdout, stderr, out: () => read(stdout), err: () => read(stderr) };
}

describe('TerminalOutput', () => {
  it('prints a result for people, or as one line of JSON', () => {
    const people = setUp();
    people.output.result({ a: 1 }, () => people.output.line('one'));
    expect(people.out()).toBe('one\n');
    const program = setUp({ isJson: true });
    program.output.result({ a: 1 }, () => program.output.line('one'));
    expect(program.out()).toBe('{"a":1}\n');
  });

  it('indents JSON on a terminal', () => {
    const { output, out } = setUp({ isJson: true, isTTY: true });
    output.result({ a: 1 }, () => undefined);
    expect(out()).toBe('{\n  "a": 1\n}\n');
  });

  it('keeps everything but the result away from standard output with --json', () => {
    const { output, out, err } = setUp({ isJson: true });
    output.line('a line');
    output.table([{ a: 1 }]);
    output.note('a note');
    expect(out()).toBe('');
    expect(err()).toBe('a note\n');
  });

  it('passes bytes on as they are', async () => {
    const { output, out } = setUp();
    await output.write(Uint8Array.of(0xff, 0x00, 0x0a));
    expect(out()).toHaveLength(3);
  });

  it('draws a bar on a terminal only', () => {
    const terminal = setUp({ isTTY: true });
    terminal.output.progress('x', 10, 'items')[Symbol.dispose]();
    expect(terminal.err()).toContain('[');
    const file = setUp();
    using progress = file.output.progress('x', 10, 'items');
    progress.advance(10);
    expect(file.err()).toBe('');
  });
});

describe('flush', () => {
  it('waits for what a slow reader has not taken yet', async () => {
    const stream = new PassThrough({ highWaterMark: 1 });
    stream.write('x'.repeat(100_000));
    let isFlushed = false;
    const flushed = flush(stream).then(() => {
      isFlushed = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(isFlushed).toBe(false);
    stream.resume();
    await flushed;
    expect(isFlushed).toBe(true);
  });
});
