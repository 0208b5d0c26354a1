import js from '@eslint/js';
import nx from '@nx/eslint-plugin';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

/** The rule needs the project graph, which only nx provides: `nx lint` checks it, a bare `eslint` does not. */
const throughNx = process.env.NX_TASK_TARGET_TARGET !== undefined;

/** Which layer may import which. dependency-cruiser holds the same walls without nx. */
const layers = [
  { sourceTag: 'layer:sdk', onlyDependOnLibsWithTags: ['layer:sdk'] },
  { sourceTag: 'layer:host', onlyDependOnLibsWithTags: ['layer:sdk', 'layer:host'] },
  { sourceTag: 'layer:plugin', onlyDependOnLibsWithTags: ['layer:sdk', 'layer:plugin'] },
  {
    sourceTag: 'plugin:ultimate-replication',
    onlyDependOnLibsWithTags: ['layer:sdk', 'plugin:ultimate-replication'],
  },
  { sourceTag: 'plugin:aeds-core', onlyDependOnLibsWithTags: ['layer:sdk', 'plugin:aeds-core'] },
  { sourceTag: 'plugin:example-line-sets', onlyDependOnLibsWithTags: ['layer:sdk'] },
  { sourceTag: 'plugin:example-notes', onlyDependOnLibsWithTags: ['layer:sdk'] },
  { sourceTag: 'layer:test', onlyDependOnLibsWithTags: ['*'] },
];

const style = [
  { selector: 'ExportDefaultDeclaration', message: 'Export by name.' },
  { selector: 'ExportAllDeclaration', message: 'Name every export.' },
  { selector: 'TSEnumDeclaration', message: 'Use a union of strings.' },
  { selector: 'TSExportAssignment', message: 'ES modules only.' },
];

export default defineConfig(
  globalIgnores(['**/dist/', '**/node_modules/', '**/test-results/', '**/fixtures/']),
  {
    files: ['packages/*/src/**/*.ts', 'test/**/*.ts'],
    ignores: ['**/vitest.config.ts'],
    extends: [js.configs.recommended, tseslint.configs.strictTypeChecked],
    plugins: { '@nx': nx },
    languageOptions: {
      parserOptions: {
        project: ['packages/*/tsconfig.spec.json', 'test/tsconfig.spec.json'],
        tsconfigRootDir: import.meta.dirname,
      },
    },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      '@nx/enforce-module-boundaries': [
        throughNx ? 'error' : 'off',
        { depConstraints: layers, enforceBuildableLibDependency: false, allow: [] },
      ],
      '@typescript-eslint/consistent-type-imports': [
        'error',
        { prefer: 'type-imports', fixStyle: 'inline-type-imports' },
      ],
      '@typescript-eslint/no-import-type-side-effects': 'error',
      '@typescript-eslint/consistent-type-exports': [
        'error',
        { fixMixedExportsWithInlineTypeSpecifier: true },
      ],
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-extraneous-class': ['error', { allowWithDecorator: true }],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      // Contracts are asynchronous even where one implementation has nothing to wait for.
      '@typescript-eslint/require-await': 'off',
      'no-empty': ['error', { allowEmptyCatch: false }],
      'no-restricted-syntax': ['error', ...style],
      eqeqeq: 'error',
      'max-lines': ['error', { max: 300, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['error', { max: 60, skipBlankLines: true, skipComments: true }],
    },
  },
  {
    files: ['**/*.spec.ts', 'test/**/*.ts', 'packages/sdk/src/testing/**/*.ts'],
    rules: {
      // `describe` and a conformance suite are one long function each.
      'max-lines-per-function': 'off',
    },
  },
  {
    files: ['**/*.spec.ts', 'test/**/*.ts'],
    rules: {
      'max-lines': ['error', { max: 500, skipBlankLines: true, skipComments: true }],
      // Doubles are partial, and a wrong cast fails the test that made it.
      '@typescript-eslint/no-empty-function': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/unbound-method': 'off',
    },
  },
);
