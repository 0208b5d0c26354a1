// `npm test`: installs and builds where needed, runs every spec, and ends with the totals.
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from './build.mjs';
import { installIfNeeded } from './install-if-needed.mjs';
import { projectFolders, root, runTarget } from './workspace.mjs';

/** Folder of the results, relative to a project; the `test` scripts write there. */
const resultsFolder = 'test-results';

function hasSpecs(folder) {
  return readdirSync(join(root, folder), { recursive: true }).some(
    (file) => file.endsWith('.spec.ts') && !/(^|\/)(node_modules|dist)\//.test(file),
  );
}

/** Files that failed as a whole: they did not load, or a hook outside the tests threw. */
function failedFiles(results) {
  return results.testResults.filter(
    (file) =>
      file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
  );
}

/** Totals of one project, from what its run left behind. */
function totalsOf(folder) {
  if (!hasSpecs(folder)) return { passed: 0, failed: 0, skipped: 0 };
  const file = join(root, folder, resultsFolder, 'results.json');
  if (!existsSync(file)) {
    console.log(`${folder}: no results; its tests did not run to their end. Counted as 1 failed.`);
    return { passed: 0, failed: 1, skipped: 0 };
  }
  const results = JSON.parse(readFileSync(file, 'utf8'));
  const whole = failedFiles(results);
  for (const { name } of whole) console.log(`${name}: failed as a whole. Counted as 1 failed.`);
  return {
    passed: results.numPassedTests,
    failed: results.numFailedTests + whole.length,
    skipped: results.numPendingTests + results.numTodoTests,
  };
}

function report({ passed, failed, skipped }) {
  process.exitCode = failed > 0 ? 1 : 0;
  const tail = skipped > 0 ? `, ${skipped} skipped` : '';
  console.log(`\n${passed} passed, ${failed} failed${tail}`);
}

async function runTests() {
  await installIfNeeded();
  const folders = projectFolders();
  // What an earlier run left must not be counted; nx puts back what it has cached for this code.
  for (const folder of folders) {
    rmSync(join(root, folder, resultsFolder), { recursive: true, force: true });
  }
  if ((await build()) !== 0) throw new Error('The build failed; see above.');

  const code = await runTarget('test', {
    args: ['--parallel=1', '--outputStyle=stream-without-prefixes'],
  });
  const totals = { passed: 0, failed: 0, skipped: 0 };
  for (const folder of folders) {
    const own = totalsOf(folder);
    for (const key of Object.keys(totals)) totals[key] += own[key];
  }
  if (code !== 0 && totals.failed === 0) {
    console.log('A test run failed outside its tests; see above. Counted as 1 failed.');
    totals.failed = 1;
  }
  return totals;
}

try {
  report(await runTests());
} catch (error) {
  console.log(`No test ran. ${error instanceof Error ? error.message : String(error)}`);
  report({ passed: 0, failed: 1, skipped: 0 });
}
