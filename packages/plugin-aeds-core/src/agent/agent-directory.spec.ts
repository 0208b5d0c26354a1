import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readEnrolledServer } from './agent-directory.js';

describe('readEnrolledServer', () => {
  it('refuses a damaged file, and never takes it for none', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'dw-server-'));
    const path = join(folder, 'server.json');
    expect(await readEnrolledServer(path)).toBeUndefined();
    await writeFile(path, '{"serverId":"x"}');
    await expect(readEnrolledServer(path)).rejects.toMatchObject({ code: 'DW_AEDS_TRUST_INVALID' });
    await rm(folder, { recursive: true });
  });
});
