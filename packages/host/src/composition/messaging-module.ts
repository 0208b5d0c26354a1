import { IMessageBus } from '@datawarehouse/sdk';
import { ContainerModule } from 'inversify';
import {
  InProcessMessageBus,
  type SubscriberFailure,
} from '../messaging/in-process-message-bus.js';
import type { HostInputs } from './host-state.js';
import { hostTokens } from './host-tokens.js';

/** Binds the message bus. */
export function messagingModule(): ContainerModule {
  return new ContainerModule(({ bind }) => {
    bind<InProcessMessageBus>(hostTokens.bus)
      .toResolvedValue(openBus, [hostTokens.inputs])
      .inSingletonScope();
    bind<IMessageBus>(IMessageBus).toService(hostTokens.bus);
  });
}

function openBus({ resources, clock, logger }: HostInputs): InProcessMessageBus {
  const onDidFail = ({ subscriber, topic, reason, error }: SubscriberFailure): void => {
    if (reason === 'slow') logger.warn({ subscriber, topic }, 'a message handler does not end');
    else logger.error({ subscriber, topic, error }, 'a message handler failed');
  };
  return resources.own(new InProcessMessageBus({ clock, onDidFail }));
}
