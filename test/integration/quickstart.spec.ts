import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runDw } from '../support/dw-process.js';
import { temporaryFolder } from '../support/temporary-folder.js';

describe('dw quickstart', () => {
  it('holds every check on a small folder, and says so in JSON', { timeout: 180_000 }, async () => {
    await using folder = await temporaryFolder();
    await mkdir(join(folder.path, 'in', 'deep'), { recursive: true });
    for (let index = 0; index < 24; index += 1) {
      const name = index % 2 === 0 ? `f${index}.bin` : `deep/ü ${index}.d.ts`;
      await writeFile(join(folder.path, 'in', name), randomBytes(index * 9000));
    }
    const { code, stdout, stderr } = await runDw(['quickstart', join(folder.path, 'in'), '--json']);
    const report = JSON.parse(stdout) as { checks: Record<string, boolean> };
    expect(Object.keys(report.checks).length).toBeGreaterThanOrEqual(5);
    expect(Object.entries(report.checks).filter(([, held]) => !held)).toEqual([]);
    expect(code, stderr).toBe(0);
  });

  it('refuses a folder that is not there', async () => {
    const { code, stderr } = await runDw(['quickstart', '/no/such/folder']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^dw: .*\nhint: /);
  });
});
