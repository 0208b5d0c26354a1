import { readFile } from 'node:fs/promises';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { configSchemaText } from './config-schema.js';

describe('configSchemaText', () => {
  it('equals etc/config.schema.json; `npm run config-schema` renews it', async () => {
    const kept = await readFile(new URL('../../etc/config.schema.json', import.meta.url), 'utf8');
    expect(kept).toBe(configSchemaText());
  });

  it('accepts a file that sets one value, and refuses an unknown key', () => {
    const ajv = new Ajv2020({ strict: false, validateFormats: false });
    const validate = ajv.compile(JSON.parse(configSchemaText()) as object);
    expect(validate({ http: { port: 0 } })).toBe(true);
    expect(validate({ htpp: {} })).toBe(false);
  });
});
