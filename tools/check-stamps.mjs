// Every exported class, contract and token must say which SDK version introduced it.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import ts from 'typescript';
import { root } from './workspace.mjs';

const entries = [
  { source: 'packages/sdk/src/index.ts', built: 'packages/sdk/dist/index.js' },
  { source: 'packages/sdk/src/testing/index.ts', built: 'packages/sdk/dist/testing/index.js' },
  ...['plugin-ultimate-replication', 'plugin-aeds-core'].map((name) => ({
    source: `packages/${name}/src/index.ts`,
    built: `packages/${name}/dist/index.js`,
  })),
];

const load = (file) => import(pathToFileURL(join(root, file)).href);
const { compatibilityOf } = await load('packages/sdk/dist/index.js');

const isClass = (value) =>
  typeof value === 'function' && /^class\b/.test(Function.prototype.toString.call(value));

/** A stamp of the class itself; one that it merely inherits says nothing about it. */
function ownStamp(value) {
  const stamp = compatibilityOf(value);
  if (typeof value === 'symbol' || stamp === undefined) return stamp;
  const parent = Object.getPrototypeOf(value);
  return isClass(parent) && compatibilityOf(parent) === stamp ? undefined : stamp;
}

/** Names of the interfaces that a module exports as contracts: `I` and a capital. */
function contractNames(program, source) {
  const checker = program.getTypeChecker();
  const file = program.getSourceFile(join(root, source));
  const module = file && checker.getSymbolAtLocation(file);
  if (module === undefined) throw new Error(`${source} is not a module`);
  return checker
    .getExportsOfModule(module)
    .map((symbol) =>
      symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol,
    )
    .filter((symbol) => symbol.flags & ts.SymbolFlags.Interface)
    .map((symbol) => symbol.name)
    .filter((name) => /^I[A-Z]/.test(name));
}

/** Sentences about what one entry point exports without a stamp. */
function problemsOf(contracts, exported) {
  const problems = contracts
    .filter((name) => typeof exported[name] !== 'symbol')
    .map((name) => `contract ${name} has no token of the same name; use contract('…', …)`);
  for (const [name, value] of Object.entries(exported)) {
    if (isClass(value) && ownStamp(value) === undefined) {
      problems.push(`class ${name} has no @SdkCompatibility('…') of its own`);
    }
    if (typeof value === 'symbol' && ownStamp(value) === undefined) {
      problems.push(`token ${name} has no stamp; use contract('…', { introduced: '…' })`);
    }
  }
  return problems;
}

const program = ts.createProgram(
  entries.map(({ source }) => join(root, source)),
  {
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    types: [],
    noEmit: true,
  },
);

let count = 0;
for (const { source, built } of entries) {
  const problems = problemsOf(contractNames(program, source), await load(built));
  for (const problem of problems) console.log(`${source}: ${problem}`);
  count += problems.length;
}
process.exitCode = count === 0 ? 0 : 1;
