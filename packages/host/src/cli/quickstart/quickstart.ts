import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CliOutput } from '@datawarehouse/sdk';
import { knownErrors } from '../error-report.js';
import { formatBytes, formatDuration } from '../output/units.js';
import { Checks } from './checks.js';
import { compareObjects, lagOf, waitUntilSettled } from './compare-nodes.js';
import { type DeliveryOutcome, deliver } from './deliver.js';
import { type OutageOutcome, outage } from './outage.js';
import { ProcessGroup } from './process-group.js';
import type { QuickstartNode } from './quickstart-node.js';
import type { KeptNode, ProcessReport, QuickstartReport } from './quickstart-report.js';
import type { QuickstartRun } from './quickstart-run.js';
import type { SourceFolder } from './source-files.js';
import { startNodes } from './start-nodes.js';
import { Steps } from './steps.js';
import { type StoreOutcome, storeFiles } from './store-files.js';

/** What {@link runQuickstart} works with. */
export interface QuickstartOptions {
  readonly source: SourceFolder;
  /** Whether the nodes go on running afterwards. */
  readonly keep: boolean;
  readonly isVerbose: boolean;
  readonly output: CliOutput;
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
}

/** What the steps have come to so far. */
interface Progress {
  nodes: readonly QuickstartNode[];
  stored?: StoreOutcome;
  recovered?: OutageOutcome;
  delivered?: DeliveryOutcome;
  lagEntries?: number;
  error?: unknown;
}

/**
 * Runs three nodes and two agents through the main job, and checks every byte.
 *
 * @returns A report, also where steps failed; rejects only when interrupted.
 */
export async function runQuickstart(options: QuickstartOptions): Promise<QuickstartReport> {
  const folder = await mkdtemp(join(tmpdir(), 'dw-quickstart-'));
  const logFolder = join(folder, 'logs');
  let leave: 'nothing' | 'logs' | 'everything' = 'nothing';
  try {
    await mkdir(logFolder);
    await using group = new ProcessGroup(logFolder, options.variables);
    const run: QuickstartRun = { ...options, folder, group, checks: new Checks() };
    const steps = new Steps(options.output, 5);
    const progress: Progress = { nodes: [] };
    await runSteps(run, steps, progress).catch((error: unknown) => {
      options.signal.throwIfAborted();
      progress.error = error;
    });
    await Promise.all(group.processes.map((process) => process.measure()));
    await Promise.all(progress.nodes.map((node) => node[Symbol.asyncDispose]()));
    const isKept =
      options.keep && progress.nodes.length > 0 && progress.nodes.every((node) => node.isRunning);
    const report = makeReport(run, steps, progress, isKept);
    if (isKept) group.release(progress.nodes.map((node) => node.process));
    if (isKept) leave = 'everything';
    else if (!report.allHeld) leave = 'logs';
    return report;
  } finally {
    if (leave !== 'everything') await clean(folder, leave === 'logs' ? 'logs' : undefined);
  }
}

async function runSteps(run: QuickstartRun, steps: Steps, progress: Progress): Promise<void> {
  const nodes = await steps.run(
    'start three nodes and join them',
    () => startNodes(run),
    (started) => `${started.length} nodes know one another`,
  );
  progress.nodes = nodes;
  const stored = await steps.run(
    'store every file',
    () => storeFiles(run, nodes),
    ({ objectCount, sizeBytes, synchronousCount }) =>
      `${objectCount} objects (${synchronousCount} synchronous), ${formatBytes(sizeBytes)}`,
  );
  progress.stored = stored;
  await steps.run(
    'read every object from every node',
    async () => {
      await waitUntilSettled(run, nodes);
      const problems = await compareObjects(run, nodes, run.source.files);
      run.checks.record('objectsEqualOnAllNodes', problems);
      return problems.length;
    },
    (problemCount) => (problemCount === 0 ? 'all bytes equal' : 'NOT all equal'),
  );
  progress.recovered = await steps.run(
    'kill node 3 in the middle of writes, and have it catch up',
    () => outage(run, nodes, at(nodes, 2)),
    ({ changedCount, deletedCount, recoveredEntries, recoveredInMs }) =>
      `${changedCount} changed, ${deletedCount} deleted, ` +
      `${recoveredEntries} entries recovered within ${formatDuration(recoveredInMs)}`,
  );
  progress.delivered = await steps.run(
    'deliver a tarball to two agents',
    () => deliver(run, at(nodes, 0)),
    ({ sizeBytes, agents }) => `${formatBytes(sizeBytes)} to ${agents.length} agents`,
  );
  progress.lagEntries = await lagOf(nodes);
}

function makeReport(
  run: QuickstartRun,
  steps: Steps,
  progress: Progress,
  isKept: boolean,
): QuickstartReport {
  const { checks } = run;
  const [error] = progress.error === undefined ? [] : knownErrors(progress.error);
  const allHeld = checks.allHeld && error === undefined;
  const { stored, recovered, delivered, lagEntries, nodes } = progress;
  return {
    allHeld,
    checks: checks.byName,
    problems: checks.problems,
    folder: run.source.folder,
    leftOutCount: run.source.leftOutCount,
    steps: steps.reports,
    ...(lagEntries !== undefined && { lagEntries }),
    ...(stored !== undefined && { stored }),
    ...(recovered !== undefined && { recovered }),
    ...(delivered !== undefined && { delivered }),
    processes: processReports(run),
    ...(isKept && { kept: { folder: run.folder, nodes: nodes.map(keptNode) } }),
    ...((isKept || !allHeld) && { logFolder: join(run.folder, 'logs') }),
    ...(error !== undefined && { error: describe(error) }),
  };
}

function describe({ code, message, hint }: QuickstartReportError): QuickstartReportError {
  return { code, message, hint };
}

type QuickstartReportError = NonNullable<QuickstartReport['error']>;

function processReports({ group }: QuickstartRun): readonly ProcessReport[] {
  const children = group.processes.map(({ name, pid, peakBytes, logFile }) => ({
    process: name,
    pid,
    ...(peakBytes !== undefined && { peakMemoryBytes: peakBytes }),
    logFile,
  }));
  const own = process.resourceUsage().maxRSS * 1024;
  return [...children, { process: 'quickstart', pid: process.pid, peakMemoryBytes: own }];
}

function keptNode(node: QuickstartNode): KeptNode {
  const { nodeId, endpoint, tokenFile, configFile } = node;
  return { nodeId, endpoint, tokenFile, configFile, pid: node.process.pid };
}

function at<T>(items: readonly T[], index: number): T {
  const item = items[index];
  if (item === undefined) throw new RangeError(`There is no item ${index}`);
  return item;
}

async function clean(folder: string, except: string | undefined): Promise<void> {
  for (const name of await readdir(folder)) {
    if (name !== except) await rm(join(folder, name), { recursive: true, force: true });
  }
  if (except === undefined) await rm(folder, { recursive: true, force: true });
}
