// A process that appends to a log from many callers until it is killed. Each acknowledgement is in
// the report file before the next step: `a SEQUENCE LIFE CALLER INDEX`, or `c SEQUENCE` for what the
// consumer confirmed.
import { openSync, writeSync } from 'node:fs';
import { ClassicLevelBackingStore } from '@datawarehouse/host';
import { WriteAheadLog } from '@datawarehouse/sdk';
import { consumerId, entryText, lastPath, logPaths } from './log-workload.js';

interface Settings {
  readonly directory: string;
  readonly reportFile: string;
  readonly life: number;
  readonly callers: number;
  readonly largestFiller: number;
  readonly isConsuming: boolean;
}

const { directory, reportFile, life, callers, largestFiller, isConsuming } = JSON.parse(
  process.argv[2] ?? '{}',
) as Settings;
const report = openSync(reportFile, 'a');
const store = await ClassicLevelBackingStore.open({ directory });
const log = await WriteAheadLog.open({ ...logPaths, store });
await log.registerConsumer(consumerId);

async function call(caller: number): Promise<never> {
  for (let index = 1; ; index += 1) {
    const text = Buffer.from(entryText({ life, caller, index }, largestFiller));
    const last = { path: lastPath(caller), data: Buffer.from(`${life} ${index}`) };
    const { sequence } = await log.append(text, { operations: [{ type: 'write', ...last }] });
    writeSync(report, `a ${sequence} ${life} ${caller} ${index}\n`);
  }
}

async function consume(): Promise<never> {
  for await (const { sequence } of log.consume(consumerId)) {
    if (sequence % 100 !== 0) continue;
    await log.acknowledge(consumerId, { epoch: log.epoch, sequence });
    writeSync(report, `c ${sequence}\n`);
  }
  throw new Error('a log has no end');
}

process.stdout.write('ready\n');
const work = Array.from({ length: callers }, (_, caller) => call(caller));
if (isConsuming) work.push(consume());
await Promise.all(work);
