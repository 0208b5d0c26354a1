import { apiPath, type CliCommand, type CliContext, DwError } from '@datawarehouse/sdk';
import { z } from 'zod';
import { pages } from './pages.js';
import { readAnswer } from './read-answer.js';

const letterSchema = z.looseObject({
  origin: z.string(),
  id: z.string(),
  sequence: z.number(),
  code: z.string(),
  reason: z.string(),
  keptAtMs: z.number(),
  sizeBytes: z.number(),
  isWhole: z.boolean(),
});
type Letter = z.output<typeof letterSchema>;

const pageSchema = z.looseObject({
  letters: z.array(letterSchema),
  next: z.string().optional(),
});
const shownSchema = letterSchema.extend({ event: z.string() });
const retriedSchema = z.looseObject({ isChanged: z.boolean() });

const origin = { name: 'origin', summary: 'node that the event came from' };
const id = { name: 'id', summary: 'id of the letter, as `dw dead-letters` shows it' };
const optionalId = { ...id, summary: `${id.summary}; all of the node without it`, required: false };

/** `dw dead-letters` and the commands below it. */
export const deadLetterCommands: readonly CliCommand[] = [
  {
    name: 'dead-letters',
    summary: 'list the events of other nodes that could not be applied here',
    options: [{ flags: '--origin <id>', summary: 'only those of one node' }],
    run: list,
  },
  {
    name: 'dead-letters show',
    summary: 'show one, with the event as it came',
    arguments: [origin, id],
    run: async ({ api, output, signal, arguments: given }) => {
      const response = await api.request('GET', pathOf(given.origin, given.id), { signal });
      const letter = await readAnswer(response, shownSchema);
      output.result(letter, () => {
        output.line(`${letter.code}: ${letter.reason}`);
        output.line(letter.event);
      });
    },
  },
  {
    name: 'dead-letters retry',
    summary: 'apply one now, or all of a node, when what kept it away is mended',
    arguments: [origin, optionalId],
    run: retry,
  },
  {
    name: 'dead-letters drop',
    summary: 'give one up for good, or all of a node',
    arguments: [origin, optionalId],
    run: drop,
  },
];

async function list(context: CliContext): Promise<void> {
  const { output, options } = context;
  const letters = await lettersOf(context, options.origin);
  output.result(letters, () => {
    output.table(
      letters.map((letter) => ({
        origin: letter.origin,
        id: letter.id,
        kept: new Date(letter.keptAtMs).toISOString(),
        code: letter.code,
        reason: letter.reason,
      })),
    );
    if (letters.length === 0) output.note('Every event that came could be applied.');
  });
}

async function retry(context: CliContext): Promise<void> {
  const { api, output, signal } = context;
  const results: { id: string; result: string }[] = [];
  for (const name of await chosen(context)) {
    try {
      const path = `${pathOf(name.origin, name.id)}/retry`;
      const response = await api.request('POST', path, { signal });
      const { isChanged } = await readAnswer(response, retriedSchema);
      results.push({ id: name.id, result: isChanged ? 'applied' : 'superseded' });
    } catch (error) {
      // Of many, one that cannot be applied yet does not keep the others back.
      if (context.arguments.id !== undefined || !DwError.is(error)) throw error;
      results.push({ id: name.id, result: error.code });
    }
  }
  output.result(results, () => output.table(results));
}

async function drop(context: CliContext): Promise<void> {
  const { api, output, signal } = context;
  const names = await chosen(context);
  for (const name of names) {
    const response = await api.request('DELETE', pathOf(name.origin, name.id), { signal });
    await readAnswer(response, z.looseObject({}));
  }
  output.result(names.length, () => output.line(`dropped ${names.length}`));
}

async function chosen(context: CliContext): Promise<readonly Pick<Letter, 'origin' | 'id'>[]> {
  const { origin: of = '', id: one } = context.arguments;
  return one === undefined ? await lettersOf(context, of) : [{ origin: of, id: one }];
}

async function lettersOf(context: CliContext, of: unknown): Promise<readonly Letter[]> {
  const query = typeof of === 'string' ? { origin: of } : {};
  const letters: Letter[] = [];
  for await (const page of pages(context, { path: '/api/v1/dead-letters', query }, pageSchema)) {
    letters.push(...page.letters);
  }
  return letters;
}

function pathOf(of = '', one = ''): string {
  return apiPath('api', 'v1', 'dead-letters', of, one);
}
