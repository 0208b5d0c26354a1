import type { Logger } from '@datawarehouse/sdk';
import {
  type DestinationStream,
  destination,
  type LoggerOptions,
  pino,
  stdSerializers,
} from 'pino';
import { prettyFactory } from 'pino-pretty';
import type { HostConfiguration } from '../configuration/host-configuration.js';

/** The host's log. */
export interface HostLogger extends Logger {
  /** A logger whose every line carries these fields. */
  child(fields: Readonly<Record<string, unknown>>): HostLogger;
}

/** Fields that are never written, wherever they stand in the first levels. */
const secretNames = [
  'token',
  'secret',
  'password',
  'pin',
  'privateKey',
  'authorization',
  'Authorization',
  'cookie',
];
const levels = ['', '*.', '*.*.', '*.*.*.'];

/** Standard error: standard output belongs to what a command answers. */
const standardError = 2;

/**
 * Makes the host's log on standard error.
 *
 * @param stream - Where lines go instead.
 */
export function createHostLogger(
  options: HostConfiguration['log'],
  stream?: DestinationStream,
): HostLogger {
  const { level, format } = options;
  const isPretty = format === 'pretty' || (format === 'auto' && process.stderr.isTTY);
  const settings: LoggerOptions = {
    level,
    base: {},
    formatters: { level: (label) => ({ level: label }) },
    serializers: { error: stdSerializers.err },
    errorKey: 'error',
    redact: {
      paths: levels.flatMap((prefix) => secretNames.map((name) => `${prefix}${name}`)),
      censor: '[redacted]',
    },
  };
  // Synchronous, so that the last lines before a crash are there.
  const lines = stream ?? destination({ dest: standardError, sync: true });
  return pino(
    { ...settings, ...(!isPretty && { timestamp: isoTime }) },
    isPretty ? forPeople(lines) : lines,
  );
}

function forPeople(lines: DestinationStream): DestinationStream {
  const format = prettyFactory({
    // https://no-color.org
    colorize: process.stderr.isTTY && !process.env['NO_COLOR'],
    translateTime: 'SYS:yyyy-mm-dd HH:MM:ss.l',
  });
  return { write: (line) => lines.write(format(line)) };
}

function isoTime(): string {
  return `,"time":"${new Date().toISOString()}"`;
}
