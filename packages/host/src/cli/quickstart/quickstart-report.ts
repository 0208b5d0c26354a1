import { join } from 'node:path';
import type { CliOutput, DwError } from '@datawarehouse/sdk';
import { formatBytes, formatDuration } from '../output/units.js';
import type { CheckName } from './checks.js';
import type { DeliveryOutcome } from './deliver.js';
import type { OutageOutcome } from './outage.js';
import type { StoreOutcome } from './store-files.js';

/** What one step took. */
export interface StepReport {
  readonly step: string;
  readonly seconds: number;
  readonly outcome: string;
}

/** What one process took. */
export interface ProcessReport {
  readonly process: string;
  readonly pid: number;
  /** Absent where the system does not tell. */
  readonly peakMemoryBytes?: number;
  readonly logFile?: string;
}

/** A node that goes on running. */
export interface KeptNode {
  readonly nodeId: string;
  readonly endpoint: string;
  readonly tokenFile: string;
  readonly configFile: string;
  readonly pid: number;
}

/** Everything that the quickstart found out; printed as it is with --json. */
export interface QuickstartReport {
  readonly allHeld: boolean;
  readonly checks: Readonly<Record<CheckName, boolean>>;
  readonly problems: readonly string[];
  readonly folder: string;
  readonly leftOutCount: number;
  readonly steps: readonly StepReport[];
  /** Log entries that nodes still held for others at the end. */
  readonly lagEntries?: number;
  readonly stored?: StoreOutcome;
  readonly recovered?: OutageOutcome;
  readonly delivered?: DeliveryOutcome;
  readonly processes: readonly ProcessReport[];
  readonly kept?: { readonly folder: string; readonly nodes: readonly KeptNode[] };
  /** Where the logs are, when they were kept. */
  readonly logFolder?: string;
  readonly error?: Pick<DwError, 'code' | 'message' | 'hint'>;
}

/** Prints a report for people. */
export function printReport(report: QuickstartReport, output: CliOutput): void {
  output.line('');
  output.table(
    report.steps.map(({ step, seconds }, index) => ({
      step: `${index + 1} ${step}`,
      seconds: seconds.toFixed(1),
    })),
  );
  output.line('');
  for (const [label, text] of facts(report)) output.line(`${label.padEnd(10)} ${text}`);
  output.line('');
  output.table(
    report.processes.map(({ process, pid, peakMemoryBytes }) => ({
      process,
      pid,
      'peak memory': peakMemoryBytes === undefined ? 'n/a' : formatBytes(peakMemoryBytes),
    })),
  );
  output.line('');
  const checks = Object.entries(report.checks);
  output.table(checks.map(([check, held]) => ({ check, held })));
  for (const problem of report.problems) output.line(`  ${problem}`);
  output.line('');
  printSummary(report, output);
  printNext(report, output);
}

/** What came out, in words; what did not happen is left out. */
function facts(report: QuickstartReport): readonly (readonly [string, string])[] {
  const { stored, recovered, delivered, lagEntries } = report;
  const found: (readonly [string, string])[] = [];
  if (stored !== undefined) {
    const { objectCount, synchronousCount, sizeBytes } = stored;
    const kinds = `${synchronousCount} synchronous, ${objectCount - synchronousCount} asynchronous`;
    found.push(['stored', `${objectCount} objects (${kinds}), ${formatBytes(sizeBytes)}`]);
  }
  if (recovered !== undefined) {
    const { changedCount, deletedCount, withoutNodeCount, retriedCount } = recovered;
    const { recoveredEntries, recoveredInMs } = recovered;
    found.push(
      ['changed', `${changedCount} objects, and ${deletedCount} deleted`],
      ['outage', `${withoutNodeCount} of these without node 3; ${retriedCount} were tried again`],
      ['recovered', `${recoveredEntries} log entries within ${formatDuration(recoveredInMs)}`],
    );
  }
  if (delivered !== undefined) {
    const { sizeBytes, agents, deliveredInMs } = delivered;
    const size = `${formatBytes(sizeBytes)} to each of ${agents.length} agents`;
    found.push(['delivered', `${size} in ${formatDuration(deliveredInMs)}`]);
  }
  if (lagEntries !== undefined) found.push(['lag', `${lagEntries} log entries at the end`]);
  return found;
}

function printSummary(report: QuickstartReport, output: CliOutput): void {
  const seconds = report.steps.reduce((sum, step) => sum + step.seconds, 0);
  const names = Object.values(report.checks);
  const held = names.filter(Boolean).length;
  output.line(`${held} of ${names.length} checks hold, after ${formatDuration(seconds * 1000)}.`);
}

function printNext(report: QuickstartReport, output: CliOutput): void {
  const { kept, logFolder } = report;
  if (logFolder !== undefined) output.line(`The logs are in ${logFolder}`);
  if (kept !== undefined) printKept(kept, output);
  if (!report.allHeld && kept === undefined) return;
  output.line('');
  output.line('Where to look next:');
  if (kept === undefined) {
    output.line('  dw quickstart --keep    leaves the three nodes running, to try things on');
    output.line('  dw start                runs a node of your own; dw help lists the commands');
  } else {
    const first = kept.nodes[0]?.tokenFile ?? '';
    const flag = `--data-dir ${join(first, '..')}`;
    output.line(`  dw status ${flag}`);
    output.line(`  dw replicas ${flag}`);
    output.line(`  dw ls ${flag}`);
  }
  output.line('  docs/operate.md, docs/replication.md, docs/distribute.md, docs/write-a-plugin.md');
}

function printKept(kept: NonNullable<QuickstartReport['kept']>, output: CliOutput): void {
  output.line('The nodes go on running:');
  for (const { nodeId, endpoint, tokenFile } of kept.nodes) {
    output.line(`  ${nodeId}  ${endpoint}  token in ${tokenFile}`);
  }
  const pids = kept.nodes.map(({ pid }) => pid).join(' ');
  output.line(`Stop them with \`kill ${pids}\`; then remove ${kept.folder}`);
}
