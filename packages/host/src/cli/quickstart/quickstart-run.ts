import type { CliOutput } from '@datawarehouse/sdk';
import type { Checks } from './checks.js';
import type { ProcessGroup } from './process-group.js';
import type { SourceFolder } from './source-files.js';

/** What every step of the quickstart works with. */
export interface QuickstartRun {
  readonly source: SourceFolder;
  /** Folder of everything that the quickstart makes. */
  readonly folder: string;
  readonly group: ProcessGroup;
  readonly checks: Checks;
  readonly output: CliOutput;
  readonly isVerbose: boolean;
  readonly signal: AbortSignal;
}

/** Writes and reads at a time. */
export const concurrency = 8;
