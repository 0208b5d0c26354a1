import type { Clock } from '@datawarehouse/sdk';
import type { HostView } from '../host-view.js';
import type { EventLoopLag } from '../metrics/event-loop-lag.js';
import type { RequestStatistics } from '../open-requests.js';

/** What the host's own routes show. */
export interface RouteSources {
  readonly view: HostView;
  readonly requests: () => RequestStatistics;
  readonly lag: Pick<EventLoopLag, 'p99Ms'>;
  readonly clock: Clock;
}
