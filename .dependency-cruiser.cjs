// The walls between packages, and import cycles. Type-only imports may cycle, since they vanish.

const spec = '\\.spec\\.ts$';
const source = '^packages/[^/]+/src/';

/** Matches an import of one of our packages by name, whether or not it is installed or built. */
const named = (packages) => [
  `^@datawarehouse/(${packages})(/|$)`,
  `^node_modules/@datawarehouse/(${packages})(/|$)`,
  `^packages/(${packages})/(?!node_modules/)`,
];

/** Keeps an npm package inside one folder. */
const only = (name, folder) => ({
  name: `${name}-only-in-${folder.replace(/[^a-z]+/g, '-')}`,
  comment: `${name} is known to ${folder} alone.`,
  severity: 'error',
  from: { path: '^(packages|test)/', pathNot: `^${folder}/` },
  to: { path: [`^${name}(/|$)`, `(^|/)node_modules/${name}/`] },
});

module.exports = {
  forbidden: [
    {
      name: 'sdk-imports-none-of-ours',
      comment: 'The SDK stands alone.',
      severity: 'error',
      from: { path: '^packages/sdk/' },
      to: { path: named('[^/]+'), pathNot: '^packages/sdk/src/' },
    },
    {
      name: 'plugin-imports-sdk-only',
      comment: 'A plugin meets the host and other plugins through the SDK.',
      severity: 'error',
      from: { path: '^packages/(plugin-[^/]+)/' },
      to: { path: named('[^/]+'), pathNot: ['^packages/$1/src/', '^packages/sdk/dist/'] },
    },
    {
      name: 'host-imports-sdk-only',
      comment: 'The host meets a plugin only through its manifest and IPlugin.',
      severity: 'error',
      from: { path: '^packages/host/' },
      to: { path: named('[^/]+'), pathNot: ['^packages/host/src/', '^packages/sdk/dist/'] },
    },
    {
      name: 'example-imports-sdk-only',
      comment: 'The example plugins prove that outsiders need nothing but the SDK.',
      severity: 'error',
      from: { path: '^test/plugins/' },
      to: { path: [...named('[^/]+'), '^test/(?!plugins/)'], pathNot: '^packages/sdk/dist/' },
    },
    {
      name: 'no-deep-import',
      comment: 'Only what a package exports may be imported from outside it.',
      severity: 'error',
      from: { path: '^(?:packages/([^/]+)|test)/' },
      to: {
        path: [
          '^packages/[^/]+/(?!dist/|node_modules/)',
          '^packages/[^/]+/dist/(?!index\\.(js|d\\.ts)$|testing/index\\.(js|d\\.ts)$)',
        ],
        pathNot: '^packages/$1/',
      },
    },
    {
      name: 'test-is-imported-by-nobody',
      comment: 'Packages do not depend on the tests.',
      severity: 'error',
      from: { path: '^packages/' },
      to: { path: ['^test/', '^@datawarehouse/test(/|$)'] },
    },
    {
      name: 'sdk-core-does-not-import-testing',
      comment: 'What plugins run must not pull in what tests need.',
      severity: 'error',
      from: { path: '^packages/sdk/src/', pathNot: ['^packages/sdk/src/testing/', spec] },
      to: { path: '^packages/sdk/src/testing/' },
    },
    {
      name: 'no-own-index',
      comment: 'An index is for other packages; inside, import the file that has the thing.',
      severity: 'error',
      from: { path: source, pathNot: spec },
      to: { path: '^packages/.+/index\\.ts$' },
    },
    {
      name: 'no-spec-import',
      comment: 'A spec exports nothing.',
      severity: 'error',
      from: {},
      to: { path: spec },
    },
    {
      name: 'no-runtime-cycle',
      comment: 'Modules that import one another while running depend on load order.',
      severity: 'error',
      from: { path: '^(packages|test)/' },
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no-unresolvable',
      comment: 'Every import leads to a file. Build first: packages find each other in dist.',
      severity: 'error',
      from: { path: '^(packages|test)/' },
      to: { couldNotResolve: true },
    },
    {
      name: 'no-dev-dependency-at-run-time',
      comment: 'What is published may only import what its own package.json installs.',
      severity: 'error',
      from: { path: source, pathNot: spec },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg'], dependencyTypesNot: ['npm', 'type-only'] },
    },
    only('inversify', 'packages/host'),
    only('fastify', 'packages/host'),
    only('classic-level', 'packages/host'),
    only('eventemitter3', 'packages/host/src/messaging'),
  ],
  options: {
    doNotFollow: { path: ['node_modules', '^(packages|test/plugins)/[^/]+/dist/'] },
    exclude: { path: ['^test/dist/', '^test/plugins/[^/]+/dist/', '/test-results/', '/fixtures/'] },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.base.json' },
    combinedDependencies: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'default', 'types'],
    },
  },
};
