import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { defaultFolder } from './default-folder.js';

describe('defaultFolder', () => {
  it('prefers the package that is installed where the command is run', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'dw-quickstart-spec-'));
    const installed = join(folder, 'node_modules', 'typescript');
    await mkdir(installed, { recursive: true });
    await writeFile(join(installed, 'package.json'), '{}');
    expect(defaultFolder(folder)).toBe(installed);
    await rm(folder, { recursive: true });
  });

  it('finds the one beside this package otherwise', () => {
    expect(basename(defaultFolder(tmpdir()))).toBe('typescript');
  });
});
