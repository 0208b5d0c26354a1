import { IPersistentBackingStore } from '@datawarehouse/sdk';
import { ContainerModule } from 'inversify';
import type { HostLogger } from '../logging/host-logger.js';
import { ClassicLevelBackingStore } from '../persistence/classic-level-backing-store.js';
import { DataDirectory } from '../persistence/data-directory.js';
import type { StoreFinding } from '../persistence/recovery/store-recovery.js';
import type { HostInputs } from './host-state.js';
import { hostTokens } from './host-tokens.js';

/** Binds the data directory, the access token kept in it, and the store. */
export function persistenceModule(): ContainerModule {
  return new ContainerModule(({ bind }) => {
    bind<DataDirectory>(hostTokens.dataDirectory)
      .toResolvedValue(
        ({ configuration }: HostInputs) => DataDirectory.open(configuration.dataDirectory),
        [hostTokens.inputs],
      )
      .inSingletonScope();
    bind<IPersistentBackingStore>(IPersistentBackingStore)
      .toResolvedValue(
        async ({ resources, logger }: HostInputs, { storeDirectory }: DataDirectory) =>
          resources.own(
            await ClassicLevelBackingStore.open({
              directory: storeDirectory,
              onFinding: (finding) => {
                logFinding(logger, finding);
              },
            }),
          ),
        [hostTokens.inputs, hostTokens.dataDirectory],
      )
      .inSingletonScope();
    bind<string>(hostTokens.token)
      .toResolvedValue(
        ({ configuration }: HostInputs, directory: DataDirectory) =>
          directory.token(configuration.http.token),
        [hostTokens.inputs, hostTokens.dataDirectory],
      )
      .inSingletonScope();
  });
}

function logFinding(logger: HostLogger, { message, ranges, ...fields }: StoreFinding): void {
  const all = { ...fields, rangeCount: ranges.length };
  if (fields.kind === 'lost') logger.error(all, message);
  else logger.warn(all, message);
}
