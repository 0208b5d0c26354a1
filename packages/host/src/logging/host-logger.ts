import type { Logger } from '@datawarehouse/sdk';

/** The host's log. */
export interface HostLogger extends Logger {
  /** A logger whose every line carries these fields. */
  child(fields: Readonly<Record<string, unknown>>): HostLogger;
}
