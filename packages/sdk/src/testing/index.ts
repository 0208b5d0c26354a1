/**
 * What authors need to test plugins and implementations of contracts: stores, clocks and
 * conformance suites. Nothing here belongs in production.
 *
 * @packageDocumentation
 */

export { MemoryBackingStore } from './memory-backing-store.js';
