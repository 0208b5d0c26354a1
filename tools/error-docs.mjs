// Writes docs/errors.md from the error tables of all packages; with --check only compares.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { projectFolders, root } from './workspace.mjs';

const file = join(root, 'docs', 'errors.md');

const isTable = (value) =>
  typeof value === 'object' &&
  value !== null &&
  Object.keys(value).length > 0 &&
  Object.entries(value).every(([code, row]) => /^DW_[A-Z_]+$/.test(code) && 'hint' in row);

/** The tables that a package's index exports, in the order of their names. */
async function tablesOf(folder) {
  const index = join(root, folder, 'dist', 'index.js');
  const exported = Object.entries(await import(pathToFileURL(index).href));
  return exported.filter(([, value]) => isTable(value)).sort(([a], [b]) => (a < b ? -1 : 1));
}

const cell = (text) => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

function section(name, table) {
  const rows = Object.entries(table).map(
    ([code, { message, hint, category, retryable }]) =>
      `| \`${code}\` | ${cell(message)} | ${category} | ${retryable ? 'yes' : 'no'} | ${cell(hint)} |`,
  );
  return [
    `## ${name}`,
    '',
    '| code | what happened | category | retry | what to do |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
  ];
}

const lines = [
  '# Errors',
  '',
  'Every error has a stable code, a message, a hint and a category. Codes change only in a major release;',
  'messages may change in any. Over HTTP the category decides the status: invalid 400, unauthenticated 401,',
  'denied 403, notFound 404, conflict 409, tooLarge 413, exhausted 429, unavailable 503, timeout 504, corrupt and',
  'internal 500. "retry" says whether the same call may succeed later.',
  '',
  'This page is written by `npm run docs:errors` from the tables in the code.',
];
for (const folder of projectFolders().filter((name) => name !== 'test')) {
  for (const [name, table] of await tablesOf(folder))
    lines.push('', ...section(`${folder.replace('packages/', '')}: ${name}`, table));
}
const text = `${lines.join('\n')}\n`;

if (!process.argv.includes('--check')) writeFileSync(file, text);
else if (readFileSync(file, 'utf8') !== text) {
  console.error('docs/errors.md does not match the error tables; run `npm run docs:errors`.');
  process.exitCode = 1;
}
