// Leaves many jobs queued and is killed (`fill`), or opens what was left and prints how long it takes
// from opening the engine until the first job runs (`open`).
import { ClassicLevelBackingStore } from '@datawarehouse/host';
import { inFlight } from './contender.js';
import { openEngine } from './own-contender.js';

const [mode = '', directory = '', count = '0'] = process.argv.slice(2);
const store = await ClassicLevelBackingStore.open({ directory });
const startedMs = performance.now();
const engine = await openEngine(store, 64);

if (mode === 'fill') {
  const enqueue = (index: number) => engine.enqueue({ handler: 'work', data: { index } });
  await inFlight(Number(count), 1_000, enqueue);
  process.kill(process.pid, 'SIGKILL');
}

const firstMs = await new Promise<number>((resolve) => {
  engine.register('work', {
    run: async () => {
      resolve(performance.now() - startedMs);
    },
  });
  engine.start();
});
console.log(JSON.stringify({ firstMs, rssBytes: process.memoryUsage.rss() }));
process.exit(0);
