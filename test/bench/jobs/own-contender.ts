import { join } from 'node:path';
import { ClassicLevelBackingStore } from '@datawarehouse/host';
import {
  BackpressureGate,
  ConcurrencyLimit,
  type IPersistentBackingStore,
  silentLogger,
  systemClock,
} from '@datawarehouse/sdk';
import { type BuiltJobEngine, loadJobEngine } from '../../support/built-jobs.js';
import type { Contender, ContenderSettings } from './contender.js';

const JobEngine = await loadJobEngine();

/** Opens an engine with the settings that a node gives it. */
export function openEngine(
  store: IPersistentBackingStore,
  maxConcurrent: number,
): Promise<BuiltJobEngine> {
  return JobEngine.open({
    ...{ store, clock: systemClock, logger: silentLogger, partitionCount: 2 },
    gate: new BackpressureGate({ subsystemName: 'bench', maxQueueDepth: 1_000_000 }),
    concurrency: new ConcurrencyLimit(maxConcurrent),
  });
}

export async function openOwn({ folder, inFlight }: ContenderSettings): Promise<Contender> {
  const store = await ClassicLevelBackingStore.open({ directory: join(folder, 'store') });
  const engine = await openEngine(store, inFlight);
  engine.register('work', { run: async () => undefined });
  engine.start();
  let before = 0;
  return {
    enqueue: (index) => engine.enqueue({ handler: 'work', data: { index } }),
    completed: async (count) => {
      while (engine.statistics().completedCount < before + count) {
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
      before += count;
    },
    close: async () => {
      await engine.stop(AbortSignal.abort());
      await store.close();
    },
  };
}
