// `npm run quickstart [-- FOLDER] [--json] [--keep]`: sets everything up, then `dw quickstart`.
import { dwMain } from './build.mjs';
import { prepare, runScript } from './run-script.mjs';

const args = process.argv.slice(2);
await prepare(args);
runScript(dwMain, ['quickstart', ...args]);
