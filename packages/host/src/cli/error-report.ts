import { inspect } from 'node:util';
import { DwError } from '@datawarehouse/sdk';
import { CommanderError } from 'commander';
import { cliError } from './cli-errors.js';
import type { CliStream } from './output/cli-stream.js';

/** How an error is shown. */
export interface ErrorReportOptions {
  readonly stdout: CliStream;
  readonly stderr: CliStream;
  readonly isJson: boolean;
  readonly isVerbose: boolean;
}

/** Ends a command with exit code 1 when what went wrong is part of the result that it printed. */
export class ReportedFailure extends Error {
  override readonly name = 'ReportedFailure';
}

/** Exit code of a failure: 2 for a wrong usage, 128 and the signal's number for an interruption. */
export function exitCodeOf(error: DwError): number {
  if (error.code === 'DW_CLI_USAGE') return 2;
  if (error.code !== 'DW_CLI_INTERRUPTED') return 1;
  const { signalNumber } = error.details;
  return typeof signalNumber === 'number' ? 128 + signalNumber : 1;
}

/** What the parser says, its suggestion or else the command's help as the hint. */
export function usageError(error: CommanderError, command?: string): DwError {
  const [message = '', suggestion = ''] = error.message
    .replace(/^error: /, '')
    .split('\n')
    .map((line) => line.trim());
  const text = message.charAt(0).toUpperCase() + message.slice(1);
  const help = command === undefined ? {} : { hint: `See \`dw help ${command}\`.` };
  const hint = suggestion === '' ? help : { hint: suggestion.replace(/^\((.*)\)$/, '$1') };
  return cliError('DW_CLI_USAGE', { message: text, ...hint });
}

/** Turns whatever was thrown into errors that have a code, several where it stands for several. */
export function knownErrors(error: unknown): readonly DwError[] {
  if (DwError.is(error)) return [error];
  if (error instanceof CommanderError) return [usageError(error)];
  if (error instanceof AggregateError && error.errors.length > 0) {
    return error.errors.flatMap(knownErrors);
  }
  const message = error instanceof Error ? error.message : String(error);
  return [
    cliError('DW_CLI_UNEXPECTED', {
      message: `The command failed unexpectedly: ${firstLine(message)}`,
      cause: error,
    }),
  ];
}

/** Shows an error: two lines on standard error, or an object on standard output with --json. */
export function reportError(error: unknown, options: ErrorReportOptions): void {
  const errors = knownErrors(error);
  if (options.isJson) options.stdout.write(`${JSON.stringify(jsonReport(errors))}\n`);
  else for (const known of errors) options.stderr.write(textReport(known));
  if (options.isVerbose) options.stderr.write(`${causes(error).join('\n')}\n`);
}

function textReport(error: DwError): string {
  const line = `dw: ${firstLine(error.message)} [${error.code}]\n`;
  return error.hint === undefined ? line : `${line}hint: ${firstLine(error.hint)}\n`;
}

/** The first error, and all of them where there are several. */
function jsonReport(errors: readonly DwError[]): unknown {
  const [error] = errors.map(({ code, message, hint, retryable, details }) => {
    return { code, message, hint, retryable, details };
  });
  const rest = errors.map(({ code, message, hint }) => ({ code, message, hint }));
  return errors.length === 1 ? { error } : { error, errors: rest };
}

function firstLine(text: string): string {
  const line = text.split('\n').find((candidate) => candidate.trim() !== '') ?? text;
  return line.trim().replace(/\p{Cc}/gu, '\u{fffd}');
}

function causes(error: unknown): readonly string[] {
  const lines: string[] = [];
  let current = error;
  // A chain of causes may be a ring.
  for (let depth = 0; depth < 10 && current !== undefined; depth += 1) {
    const stack = current instanceof Error ? (current.stack ?? current.message) : inspect(current);
    lines.push(depth === 0 ? stack : `caused by ${stack}`);
    current = current instanceof Error ? current.cause : undefined;
  }
  return lines;
}
