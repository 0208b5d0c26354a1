// A process that takes content in and lets go of it from many callers, and cleans up all the time,
// until it is killed. Each acknowledgement is in the report file before the next step:
// `put NAME` or `gone NAME`; `go NAME` stands before the attempt to let go.
import { openSync, writeSync } from 'node:fs';
import { contentOf, openContent, recordPath, recordsIn } from './content-workload.js';

const [directory = '', reportFile = '', life = '0'] = process.argv.slice(2);
const report = openSync(reportFile, 'a');
const { store, content } = await openContent(directory);

async function call(caller: number): Promise<never> {
  for (let index = 0; ; index += 1) {
    const name = `${life}-${caller}-${index}`;
    const data = contentOf(Number(life) * 31 + caller * 5 + index);
    {
      using staged = await content.stage(data, { owner: name });
      const record = Buffer.from(JSON.stringify(staged.reference));
      await store.batch([
        ...staged.operations,
        { type: 'write', path: recordPath(name), data: record },
      ]);
    }
    writeSync(report, `put ${name}\n`);
  }
}

/** Lets go of what there is, but for the latest. */
async function release(): Promise<never> {
  for (;;) {
    const names = [...(await recordsIn(store))];
    for (const [name, reference] of names.slice(0, -20)) {
      writeSync(report, `go ${name}\n`);
      await store.batch([
        ...content.release(reference, name),
        { type: 'delete', path: recordPath(name) },
      ]);
      writeSync(report, `gone ${name}\n`);
    }
    await new Promise(setImmediate);
  }
}

async function clean(): Promise<never> {
  for (;;) {
    await content.clean();
    await new Promise(setImmediate);
  }
}

process.stdout.write('ready\n');
const callers = Array.from({ length: 6 }, (_, caller) => call(caller));
await Promise.all([...callers, release(), clean()]);
