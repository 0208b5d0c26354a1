import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { configurationSchema, parseConfiguration } from './configuration.js';

describe('configurationSchema', () => {
  it('is what config.schema.json says to editors and the host', async () => {
    const file = await readFile(new URL('../config.schema.json', import.meta.url), 'utf8');
    expect(JSON.parse(file)).toEqual(z.toJSONSchema(configurationSchema, { io: 'input' }));
  });
});

describe('parseConfiguration', () => {
  it('completes an empty section', () => {
    expect(parseConfiguration({})).toMatchObject({
      jobTimeLimitMs: 300_000,
      requestWindowMs: 60_000,
      trustAnchors: [],
      partitions: expect.any(Number),
    });
  });

  it('names every mistake', () => {
    expect(() => parseConfiguration({ partitions: 0, trustAnchor: [] })).toThrow(
      expect.objectContaining({
        code: 'DW_AEDS_CONFIG_INVALID',
        details: { issues: [expect.stringContaining('partitions'), expect.anything()] },
      }),
    );
  });
});
