import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { parseReplicationConfig, replicationConfigSchema } from './configuration.js';

describe('replicationConfigSchema', () => {
  it('is what config.schema.json says to editors and the host', async () => {
    const file = await readFile(new URL('../config.schema.json', import.meta.url), 'utf8');
    expect(JSON.parse(file)).toEqual(z.toJSONSchema(replicationConfigSchema, { io: 'input' }));
  });
});

describe('parseReplicationConfig', () => {
  it('completes an empty section', () => {
    expect(parseReplicationConfig({})).toMatchObject({
      defaultStrategy: 'asynchronous',
      routes: [],
      healthIntervalMs: 30_000,
      confirmTimeoutMs: 10_000,
      retentionMs: 172_800_000,
    });
  });

  it('names every mistake', () => {
    expect(() => parseReplicationConfig({ healthIntervalMs: 0, route: [] })).toThrow(
      expect.objectContaining({
        code: 'DW_REPLICATION_INVALID_CONFIG',
        details: { issues: [expect.stringContaining('healthIntervalMs'), expect.anything()] },
      }),
    );
  });
});
