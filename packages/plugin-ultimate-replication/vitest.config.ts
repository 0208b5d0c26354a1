import { defineConfig } from 'vitest/config';

export default defineConfig({
  // Specs are outside tsconfig.json, where decorators are switched on for the rest.
  oxc: { decorator: { legacy: true } },
  test: {
    include: ['src/**/*.spec.ts'],
    passWithNoTests: true,
    // No spec measures time; a busy machine may take long.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
