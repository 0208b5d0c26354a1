import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { WriteAheadLog } from '@datawarehouse/sdk';
import { inFlight, openLevel, openLog, openNats, plainFile, publishing } from './log-contenders.js';
import {
  type BenchContext,
  type BenchRow,
  boundedRow,
  comparedRow,
  notInstalled,
  roundsRow,
  runBenchmark,
} from './support/benchmark.js';
import { interleave, median, rateOf, rounds } from './support/contenders.js';
import { growthBytes } from './support/growth.js';

const recordBytes = 200;
const waveLength = 1_000;
const manyAppends = 1_000_000;
const mebibyte = 1024 * 1024;
/** Not compressible: LevelDB compresses its tables. */
const records = Array.from({ length: waveLength }, () => randomBytes(recordBytes));
const record = (index: number): Uint8Array =>
  records[index % waveLength] ?? records[0] ?? Buffer.alloc(0);

async function readAll(log: WriteAheadLog): Promise<void> {
  let readBytes = 0;
  for (let next = 1; next <= log.headSequence; ) {
    const entries = await log.read(next, { limitEntries: 4_096 });
    for (const { data } of entries) readBytes += data.byteLength;
    next += entries.length;
  }
  if (readBytes !== log.headSequence * recordBytes) throw new Error(`${readBytes} bytes were read`);
}

async function followAll(log: WriteAheadLog): Promise<void> {
  let readCount = 0;
  for await (const { sequence } of log.follow(1)) {
    readCount += 1;
    if (sequence === log.headSequence) break;
  }
  if (readCount !== log.headSequence) throw new Error(`${readCount} entries were read`);
}

async function memoryAndReading(folder: string, { runs }: BenchContext): Promise<BenchRow[]> {
  const directory = join(folder, 'million');
  const bytes = await growthBytes('log');
  {
    await using opened = await openLog(directory);
    await inFlight(manyAppends, 256, (index) => opened.log.append(record(index)));
  }
  await using opened = await openLog(directory);
  const { log } = opened;
  const count = log.headSequence;
  const rates = await interleave(
    {
      read: () => rateOf(count, () => readAll(log)),
      follow: () => rateOf(count, () => followAll(log)),
    },
    { runs: Math.min(runs, 3), warmUps: 0 },
  );
  const memory = { name: 'memory: RSS growth with 1,000,000 appends', unit: 'MiB' };
  const leastRate = 1_000_000;
  return [
    boundedRow({ ...memory, value: bytes / mebibyte }, 100),
    {
      ...{ name: 'read back: read()', value: rates.read, unit: 'entries/s', bar: leastRate },
      reached: rates.read >= leastRate,
    },
    { name: 'read back: for await (… of follow())', value: rates.follow, unit: 'entries/s' },
  ];
}

async function concurrently(folder: string, { runs }: BenchContext): Promise<BenchRow[]> {
  await using opened = await openLog(join(folder, 'log'));
  const { log } = opened;
  const level = await openLevel(join(folder, 'level'));
  const nats = await openNats(join(folder, 'nats'));
  let key = 0;
  const put = (index: number) =>
    level.put(String(++key).padStart(20, '0'), record(index), { sync: true });
  const rates = await interleave<'log' | 'level' | 'nats'>(
    {
      log: () => inFlight(100_000, 256, (index) => log.append(record(index))),
      level: () => inFlight(10_000, 256, put),
      nats: nats === undefined ? () => 0 : publishing(nats, 30_000, record(0)),
    },
    { runs },
  );
  await level.close();
  await nats?.close();
  const unit = 'appends/s';
  const ours = 'synced appends of 200 B, 256 in flight';
  const peer = 'peer: nats-server, JetStream, unsynced publish';
  return [
    comparedRow({ name: `${ours}: against put()`, value: rates.log, unit }, rates.level, 3),
    { name: 'peer: classic-level, put({ sync: true })', value: rates.level, unit },
    ...(nats === undefined
      ? [notInstalled(peer, unit)]
      : [
          comparedRow({ name: `${ours}: against NATS`, value: rates.log, unit }, rates.nats, 1),
          { name: peer, value: rates.nats, unit },
        ]),
  ];
}

async function inWaves(folder: string, { runs }: BenchContext): Promise<BenchRow[]> {
  await using opened = await openLog(join(folder, 'waves'));
  const { log } = opened;
  const file = await plainFile(join(folder, 'plain'));
  const waves = 100;
  const times = async (wave: () => Promise<unknown>): Promise<void> => {
    for (let index = 0; index < waves; index += 1) await wave();
  };
  const rates = await rounds(
    {
      log: () =>
        rateOf(waves * waveLength, () =>
          times(() => Promise.all(records.map((data) => log.append(data)))),
        ),
      plain: () =>
        rateOf(waves * waveLength, () =>
          times(async () => {
            await file.append(records);
            await file.sync();
          }),
        ),
    },
    // A round is short, and LevelDB is busy with its tables in some of them.
    { runs: 3 * runs },
  );
  await file.close();
  const unit = 'appends/s';
  return [
    roundsRow({ name: '1,000 waiting at once', unit }, rates.log, rates.plain, 0.4),
    { name: 'peer: plain file, one fdatasync for 1,000', value: median(rates.plain), unit },
  ];
}

/** Value below which that share of the figures lies. */
function percentile(figures: readonly number[], share: number): number {
  const sorted = [...figures].sort((one, other) => one - other);
  return sorted[Math.floor(sorted.length * share)] ?? 0;
}

async function oneAtATime(folder: string, { runs }: BenchContext): Promise<BenchRow[]> {
  await using opened = await openLog(join(folder, 'single'));
  const file = await plainFile(join(folder, 'single-plain'));
  const [appends, syncs]: [number[], number[]] = [[], []];
  const timed = async (into: number[], work: () => Promise<unknown>): Promise<void> => {
    const startedMs = performance.now();
    await work();
    into.push(performance.now() - startedMs);
  };
  // In turn, so that both meet the same disk.
  for (let index = 0; index < runs * 1_000; index += 1) {
    await file.append([record(index)]);
    await timed(syncs, () => file.sync());
    await timed(appends, () => opened.log.append(record(index)));
  }
  await file.close();
  const [ours, peers] = [percentile(appends, 0.99), percentile(syncs, 0.99)];
  const ratio = ours / peers;
  const [name, unit, bar] = ['one at a time, p99: at most 2 × fdatasync', 'ms', 2];
  return [
    { name, value: ours, unit, ratio, bar, reached: ratio <= bar },
    { name: 'peer: fdatasync of 200 B, p99', value: peers, unit },
    {
      name: 'one at a time, median',
      value: median(appends),
      unit,
      ratio: median(appends) / median(syncs),
    },
    { name: 'peer: fdatasync of 200 B, median', value: median(syncs), unit },
  ];
}

await runBenchmark({
  name: 'log',
  measure: async (context) => {
    const folder = await mkdtemp(join(tmpdir(), 'dw-bench-log-'));
    try {
      return [
        ...(await memoryAndReading(folder, context)),
        ...(await concurrently(folder, context)),
        ...(await inWaves(folder, context)),
        ...(await oneAtATime(folder, context)),
      ];
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
});
