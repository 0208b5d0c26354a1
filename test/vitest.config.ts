import { defineConfig } from 'vitest/config';

export default defineConfig({
  // Specs are outside tsconfig.json, where decorators are switched on for the rest.
  oxc: { decorator: { legacy: true } },
  test: {
    include: ['**/*.spec.ts'],
    exclude: ['dist/**', 'node_modules/**'],
    passWithNoTests: true,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
