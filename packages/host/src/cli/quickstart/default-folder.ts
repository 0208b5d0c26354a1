import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { quickstartError } from './quickstart-errors.js';

/**
 * Finds the folder of the `typescript` package: real files, and some megabytes of them.
 *
 * @throws DwError `DW_QUICKSTART_FOLDER` where it is not installed.
 */
export function defaultFolder(workingDirectory: string): string {
  const places = [join(workingDirectory, 'package.json'), fileURLToPath(import.meta.url)];
  for (const place of places) {
    // The folders where Node.js would look, without running into what the package exports.
    for (const modules of createRequire(place).resolve.paths('typescript') ?? []) {
      const manifest = join(modules, 'typescript', 'package.json');
      if (existsSync(manifest)) return dirname(manifest);
    }
  }
  throw quickstartError('DW_QUICKSTART_FOLDER', {
    message: 'The typescript package, whose files the quickstart takes, is not installed here',
    hint: 'Name any folder of files: `dw quickstart FOLDER`.',
  });
}
