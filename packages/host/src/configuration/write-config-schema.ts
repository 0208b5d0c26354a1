import { mkdir, writeFile } from 'node:fs/promises';
import { configSchemaText } from './config-schema.js';

const folder = new URL('../../etc/', import.meta.url);
await mkdir(folder, { recursive: true });
await writeFile(new URL('config.schema.json', folder), configSchemaText());
