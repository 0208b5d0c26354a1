import { defineConfig } from 'vitest/config';

export default defineConfig({
  // Specs are outside tsconfig.json, where decorators are switched on for the rest.
  oxc: { decorator: { legacy: true } },
  test: { include: ['src/**/*.spec.ts'], passWithNoTests: true },
});
