import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root, run } from './workspace.mjs';

const stampFile = join(root, 'node_modules', '.dw-install-stamp');

/** What node_modules is made from: the lockfile, and the platform whose binaries it holds. */
function wantedStamp() {
  const lockfile = readFileSync(join(root, 'package-lock.json'));
  const digest = createHash('sha256').update(lockfile).digest('hex');
  return `${digest} ${process.platform}-${process.arch}\n`;
}

function presentStamp() {
  try {
    return readFileSync(stampFile, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Runs `npm ci` where node_modules is missing or was made from another lockfile. */
export async function installIfNeeded({ stdout } = {}) {
  const wanted = wantedStamp();
  if (presentStamp() === wanted) return;
  console.error('Installing dependencies (npm ci)');
  const npm = process.env.npm_execpath;
  // Development tools are needed even where NODE_ENV says production.
  const args = ['ci', '--include=dev', '--include=optional'];
  const code =
    npm === undefined
      ? await run('npm', args, { stdout })
      : await run(process.execPath, [npm, ...args], { stdout });
  if (code !== 0) throw new Error(`npm ci failed with exit code ${code}`);
  writeFileSync(stampFile, wanted);
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) await installIfNeeded();
