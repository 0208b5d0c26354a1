// `npm run soak [options]`: sets everything up, then runs the crash specs at full length. Options go to vitest.
import { join } from 'node:path';
import { prepare, runScript } from './run-script.mjs';
import { root } from './workspace.mjs';

const args = process.argv.slice(2);
await prepare(args);
// What makes the specs in test/crash kill more often and leave out nothing.
process.env.DW_SOAK = '1';
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
runScript(vitest, ['run', '--root', join(root, 'test'), 'crash', ...args]);
