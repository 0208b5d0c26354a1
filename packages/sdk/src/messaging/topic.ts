import type { ZodType } from 'zod';
import { busError } from '../errors/bus-errors.js';

/** A message bus topic with the shape of its messages. Make one with {@link topic}. */
export interface Topic<T> {
  /** Dotted name: `dw.<area>.<noun>.<past-verb>`. */
  readonly name: string;
  /** Checks messages that come from outside the process. */
  readonly schema: ZodType<T>;
}

const namePattern = /^[a-z0-9-]+(\.[a-z0-9-]+)*$/;

/**
 * Declares a topic. Keep the result as a constant, and export it where others subscribe.
 *
 * @param name - Dotted lower-case name, at most 200 characters.
 * @throws {@link DwError} `DW_BUS_INVALID_TOPIC`.
 */
export function topic<T>(name: string, schema: ZodType<T>): Topic<T> {
  if (name.length > 200 || !namePattern.test(name)) {
    throw busError('DW_BUS_INVALID_TOPIC', { details: { topic: name } });
  }
  return Object.freeze({ name, schema });
}

/**
 * Parses a message that came from outside the process.
 *
 * @throws {@link DwError} `DW_BUS_INVALID_MESSAGE`.
 */
export function parseMessage<T>(of: Topic<T>, value: unknown): T {
  const result = of.schema.safeParse(value);
  if (result.success) return result.data;
  const issues = result.error.issues.map((issue) => ({
    path: issue.path.join('.'),
    message: issue.message,
  }));
  throw busError('DW_BUS_INVALID_MESSAGE', { details: { topic: of.name, issues } });
}
