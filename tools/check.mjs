// `npm run check`: everything but the tests. Runs all steps, even past a failed one.

import { build } from './build.mjs';
import { installIfNeeded } from './install-if-needed.mjs';
import { projectFolders, run, runTarget, runTool } from './workspace.mjs';

await installIfNeeded();

const sources = projectFolders().map((folder) => (folder === 'test' ? folder : `${folder}/src`));

// Packages see each other as built, so what judges types or imports comes after the build.
const steps = {
  format: (options) => runTool('biome', ['check', '--error-on-warnings', '.'], options),
  build: (options) => build(options),
  'types of specs': (options) => runTarget('typecheck', options),
  lint: (options) => runTarget('lint', options),
  'layers and cycles': (options) =>
    runTool('depcruise', ['--config', '.dependency-cruiser.cjs', ...sources], options),
  'dead code': (options) => runTool('knip', [], options),
  'API reports': (options) => runTarget('api', options),
  'compatibility stamps': (options) => run(process.execPath, ['tools/check-stamps.mjs'], options),
  'packages as published': (options) => runTarget('publint', options),
};

const failed = [];
for (const [name, step] of Object.entries(steps)) {
  let output = '';
  const startedMs = performance.now();
  const code = await step({
    stdout: (text) => {
      output += text;
    },
  });
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  console.log(`${code === 0 ? 'ok  ' : 'FAIL'}  ${name.padEnd(24)} ${seconds.padStart(6)} s`);
  if (code === 0) continue;
  failed.push(name);
  console.log(output);
}

const count = Object.keys(steps).length;
if (failed.length === 0) console.log(`\nAll ${count} checks hold.`);
else console.log(`\n${failed.length} of ${count} checks failed: ${failed.join(', ')}`);
process.exitCode = failed.length === 0 ? 0 : 1;
