// `npm run soak [options]`: sets everything up, then runs the crash specs and the model specs at full length. Options go to vitest.
import { join } from 'node:path';
import { prepare } from './run-script.mjs';
import { root, run } from './workspace.mjs';

const args = process.argv.slice(2);
await prepare(args);
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
const suites = [
  { folder: 'test', filter: 'crash' },
  { folder: join('packages', 'sdk'), filter: '-model.spec' },
  { folder: join('packages', 'plugin-aeds-core'), filter: '-model.spec' },
];
for (const { folder, filter } of suites) {
  // What makes these specs kill more often, take more steps and leave out nothing.
  const env = { DW_SOAK: '1' };
  const command = [vitest, 'run', '--root', join(root, folder), filter, ...args];
  const code = await run(process.execPath, command, { env });
  if (code !== 0) process.exitCode = code;
}
