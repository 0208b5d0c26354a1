import type { IMessageBus } from '@datawarehouse/sdk';
import { ContainerModule } from 'inversify';
import { ScalingRegistry } from '../scaling/scaling-registry.js';
import type { HostInputs } from './host-state.js';
import { hostTokens } from './host-tokens.js';

/** Binds the registry of scalable subsystems. */
export function scalingModule(): ContainerModule {
  return new ContainerModule(({ bind }) => {
    bind<ScalingRegistry>(hostTokens.scaling)
      .toResolvedValue(
        ({ configuration, clock }: HostInputs, bus: IMessageBus) =>
          new ScalingRegistry({
            bus,
            configured: configuration.scaling,
            now: () => clock.now(),
          }),
        [hostTokens.inputs, hostTokens.bus],
      )
      .inSingletonScope();
  });
}
