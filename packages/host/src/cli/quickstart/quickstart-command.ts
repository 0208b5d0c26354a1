import { resolve } from 'node:path';
import type { CommandContext } from '../command-definition.js';
import { ReportedFailure } from '../error-report.js';
import { defaultFolder } from './default-folder.js';
import { runQuickstart } from './quickstart.js';
import { quickstartError } from './quickstart-errors.js';
import { printReport } from './quickstart-report.js';
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
  const { error } = report;
  throw quickstartError('DW_QUICKSTART_CHECKS', {
    message: error === undefined ? 'Some checks did not hold' : `${error.message} [${error.code}]`,
    ...(report.logFolder !== undefined && { hint: `Look at the logs in ${report.logFolder}.` }),
  });
}
