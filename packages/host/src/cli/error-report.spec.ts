import { PassThrough } from 'node:stream';
import { CommanderError } from 'commander';
import { describe, expect, it } from 'vitest';
import { cliError } from './cli-errors.js';
import { exitCodeOf, knownErrors, reportError } from './error-report.js';

function report(error: unknown, options: { isJson?: boolean; isVerbose?: boolean } = {}) {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  reportError(error, { stdout, stderr, isJson: false, isVerbose: false, ...options });
  return { stdout: String(stdout.read() ?? ''), stderr: String(stderr.read() ?? '') };
}

describe('reportError', () => {
  it('prints the message with its code, and the hint', () => {
    expect(
      report(cliError('DW_CLI_NO_NODE', { message: 'No node on /x', hint: 'Start one.' })),
    ).toEqual({ stdout: '', stderr: 'dw: No node on /x [DW_CLI_NO_NODE]\nhint: Start one.\n' });
  });

  it('prints an object with --json', () => {
    const { stdout, stderr } = report(cliError('DW_CLI_NO_NODE'), { isJson: true });
    expect(JSON.parse(stdout)).toMatchObject({
      error: { code: 'DW_CLI_NO_NODE', retryable: true },
    });
    expect(stderr).toBe('');
  });

  it('tells all of several errors at once', () => {
    const several = new AggregateError([cliError('DW_CLI_NO_NODE'), cliError('DW_CLI_NO_TOKEN')]);
    expect(report(several).stderr.match(/\[DW_CLI_\w+\]/g)).toEqual([
      '[DW_CLI_NO_NODE]',
      '[DW_CLI_NO_TOKEN]',
    ]);
    const { errors } = JSON.parse(report(several, { isJson: true }).stdout);
    expect(errors).toHaveLength(2);
  });

  it('keeps one line of an unexpected error, and its stack for --verbose', () => {
    const error = new TypeError('first\nsecond');
    expect(report(error).stderr).toMatch(/^dw: .*first \[DW_CLI_UNEXPECTED\]\nhint: .*\n$/);
    expect(report(error, { isVerbose: true }).stderr).toMatch(/\n\s+at /);
  });

  it('shows causes with --verbose', () => {
    const error = cliError('DW_CLI_UNREACHABLE', { cause: new Error('inner') });
    expect(report(error, { isVerbose: true }).stderr).toContain('caused by Error: inner');
  });

  it('lets no message take over the terminal', () => {
    expect(report(cliError('DW_CLI_NO_NODE', { message: 'a\u001b[2Jb' })).stderr).not.toContain(
      '\u001b',
    );
  });
});

describe('knownErrors', () => {
  it('takes the suggestion of the parser as the hint', () => {
    const error = new CommanderError(
      1,
      'commander.unknownCommand',
      "error: unknown command 'stauts'\n(Did you mean status?)",
    );
    expect(knownErrors(error)).toMatchObject([
      { code: 'DW_CLI_USAGE', message: "Unknown command 'stauts'", hint: 'Did you mean status?' },
    ]);
  });
});

describe('exitCodeOf', () => {
  it('is 2 for a wrong usage, 1 for a failure, and above 128 for a signal', () => {
    expect(exitCodeOf(cliError('DW_CLI_USAGE'))).toBe(2);
    expect(exitCodeOf(cliError('DW_CLI_NO_NODE'))).toBe(1);
    const interrupted = cliError('DW_CLI_INTERRUPTED', { details: { signalNumber: 2 } });
    expect(exitCodeOf(interrupted)).toBe(130);
  });
});
