import { z } from 'zod';
import { hostConfigurationSchema } from './host-configuration.js';

/** JSON Schema of a configuration file, for editors, as text. */
export function configSchemaText(): string {
  const schema = z.toJSONSchema(hostConfigurationSchema, { io: 'input' });
  return `${JSON.stringify(schema, undefined, 2)}\n`;
}
