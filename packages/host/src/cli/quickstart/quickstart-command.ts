import { resolve } from 'node:path';
import { DwError } from '@datawarehouse/sdk';
import type { CommandContext } from '../command-definition.js';
import { ReportedFailure } from '../error-report.js';
import { defaultFolder } from './default-folder.js';
import { runQuickstart } from './quickstart.js';
import { quickstartError } from './quickstart-errors.js';
import { printReport, type QuickstartReport } from './quickstart-report.js';
import { readSourceFolder } from './source-files.js';

/** Runs the quickstart and prints its report. */
export async function runQuickstartCommand(context: CommandContext): Promise<void> {
  const { output, signal, environment, options, global } = context;
  const { workingDirectory, variables } = environment;
  const named = context.arguments['folder'];
  const folder =
    named === undefined ? defaultFolder(workingDirectory) : resolve(workingDirectory, named);
  const source = await readSourceFolder(folder, { signal });
  output.note(`The quickstart works on ${source.files.length} files of ${source.folder}`);
  const report = await runQuickstart({
    source,
    keep: options['keep'] === true,
    isVerbose: global.verbose === true,
    output,
    variables,
    signal,
  });
  output.result(report, () => printReport(report, output));
  if (report.allHeld) return;
  if (output.isJson) throw new ReportedFailure();
  throw failure(report);
}

function failure({ error, logFolder }: QuickstartReport): DwError {
  const hint = logFolder === undefined ? {} : { hint: `Look at the logs in ${logFolder}.` };
  if (error !== undefined) return new DwError(error.code, error.message, hint);
  return quickstartError('DW_QUICKSTART_CHECKS', hint);
}
