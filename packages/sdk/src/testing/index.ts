/**
 * What authors need to test plugins and implementations of contracts: stores, clocks and
 * conformance suites. Nothing here belongs in production.
 *
 * @packageDocumentation
 */

export {
  type BackingStoreConformanceOptions,
  backingStoreConformance,
} from './backing-store-conformance.js';
export type { ClosableMessageBus } from './bus-clause.js';
export { type CallRouteOptions, type CallRouteResponse, callRoute } from './call-route.js';
export type { ConformanceTest } from './conformance.js';
export {
  type ContentMediumConformanceOptions,
  contentMediumConformance,
} from './content-medium-conformance.js';
export { FaultyBackingStore, type WriteFaultOptions } from './faulty-backing-store.js';
export { ManualClock } from './manual-clock.js';
export { MemoryBackingStore } from './memory-backing-store.js';
export { MemoryContentMedium, type MemoryContentMediumOptions } from './memory-content-medium.js';
export { MemoryMessageBus, type MemoryMessageBusOptions } from './memory-message-bus.js';
export {
  type MessageBusConformanceOptions,
  messageBusConformance,
} from './message-bus-conformance.js';
export {
  type ScalableSubsystemConformanceOptions,
  scalableSubsystemConformance,
} from './scalable-subsystem-conformance.js';
export { createTestNodeIdentity } from './test-node-identity.js';
export {
  createTestPluginContext,
  type TestPluginContext,
  type TestPluginContextOptions,
  type TestRouteRegistry,
} from './test-plugin-context.js';
