// `npm run bench -- NAME [options]`: sets everything up, then runs test/bench/NAME.bench.ts as built.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { prepare, runScript } from './run-script.mjs';
import { root } from './workspace.mjs';

const [name = '', ...args] = process.argv.slice(2);
const sources = join(root, 'test', 'bench');
const names = (existsSync(sources) ? readdirSync(sources) : [])
  .filter((file) => file.endsWith('.bench.ts'))
  .map((file) => file.slice(0, -'.bench.ts'.length));

if (names.includes(name)) {
  await prepare(args);
  runScript(join(root, 'test', 'dist', 'bench', `${name}.bench.js`), args);
} else {
  console.error(`Usage: npm run bench -- NAME\nNames: ${names.join(', ') || 'none yet'}`);
  process.exitCode = 2;
}
