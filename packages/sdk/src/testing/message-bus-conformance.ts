import { boundClauses } from './bus-bound-clauses.js';
import { type ClosableMessageBus, watcher } from './bus-clause.js';
import { deliveryClauses, subscriptionClauses } from './bus-delivery-clauses.js';
import { endClauses, requestClauses, statisticsClauses } from './bus-request-clauses.js';
import { type ConformanceTest, defaultTimeLimitMs, prove } from './conformance.js';

/** What {@link messageBusConformance} needs. */
export interface MessageBusConformanceOptions {
  /** Registers a test, such as `it` of vitest. */
  readonly test: ConformanceTest;
  /** Opens a bus that nobody uses. Called once a test; the suite closes what it gets. */
  readonly open: () => Promise<ClosableMessageBus>;
  /**
   * Most time that a clause may take, in milliseconds.
   * @defaultValue 10000
   */
  readonly timeLimitMs?: number;
}

/** Registers one test per clause of the `IMessageBus` contract. */
export function messageBusConformance(options: MessageBusConformanceOptions): void {
  const { test, open, timeLimitMs = defaultTimeLimitMs } = options;
  // A condition gives up before the clause does, since it can say what it waited for.
  const tools = { until: watcher(timeLimitMs / 2) };
  const clauses = {
    ...deliveryClauses,
    ...subscriptionClauses,
    ...boundClauses,
    ...requestClauses,
    ...statisticsClauses,
    ...endClauses,
  };
  for (const [name, clause] of Object.entries(clauses)) {
    test(name, () => prove(open, (bus) => clause(bus, tools), timeLimitMs));
  }
}
