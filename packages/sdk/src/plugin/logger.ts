/** Structured log of a plugin; its lines name the plugin. Never log secrets. */
export interface Logger {
  /** Each method takes fields and a message, or a message alone. An `error` field is an Error. */
  debug(fields: Readonly<Record<string, unknown>>, message: string): void;
  debug(message: string): void;
  info(fields: Readonly<Record<string, unknown>>, message: string): void;
  info(message: string): void;
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
  warn(message: string): void;
  error(fields: Readonly<Record<string, unknown>>, message: string): void;
  error(message: string): void;
}

/** A logger that says nothing, for tests. */
export const silentLogger: Logger = Object.freeze({
  debug: ignore,
  info: ignore,
  warn: ignore,
  error: ignore,
});

function ignore(): void {
  // Saying nothing is the point.
}
