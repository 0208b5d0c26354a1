import { chmodSync, existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root, runTarget } from './workspace.mjs';

/** The dw command, as built. */
export const dwMain = join(root, 'packages', 'host', 'dist', 'cli', 'main.js');

/** npm links a command only where its file exists at install time, which is before the first build. */
function linkDw() {
  if (!existsSync(dwMain)) return;
  chmodSync(dwMain, 0o755);
  const link = join(root, 'node_modules', '.bin', 'dw');
  if (existsSync(link)) return;
  mkdirSync(join(root, 'node_modules', '.bin'), { recursive: true });
  symlinkSync(join('..', '..', 'packages', 'host', 'dist', 'cli', 'main.js'), link);
}

/** Builds every project, from the cache where nothing changed, and resolves to the exit code. */
export async function build(options) {
  const code = await runTarget('build', options);
  linkDw();
  return code;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) process.exitCode = await build();
