/**
 * Contracts and building blocks that plugins and hosts share. Importing it starts nothing.
 *
 * @packageDocumentation
 */

export {
  compatibilityOf,
  type SdkCompatibilityInfo,
  type SdkCompatibilityOptions,
} from './compatibility/compatibility-stamp.js';
// Compatibility
export {
  type Contract,
  type ContractOptions,
  contract,
  contractName,
} from './compatibility/contract.js';
export { SdkCompatibility } from './compatibility/sdk-compatibility.js';
export { isSdkRange, SDK_MAJOR, SDK_VERSION, satisfiesSdk } from './compatibility/sdk-version.js';
// Concurrency
export { Backoff, type BackoffOptions } from './concurrency/backoff.js';
export { ConcurrencyLimit } from './concurrency/concurrency-limit.js';
export { KeyedMutex, type KeyedMutexStatistics } from './concurrency/keyed-mutex.js';
export { type AbortAfterOptions, LinkedAbort } from './concurrency/linked-abort.js';
export { Listeners, type ListenersOptions } from './concurrency/listeners.js';
export { type TimeLimitOptions, withTimeLimit } from './concurrency/time-limit.js';
// Cluster
export {
  type ClusterMember,
  IClusterMembership,
  type MembershipChange,
  membershipChangedTopic,
} from './distributed/cluster-membership.js';
export { INodeIdentity, NODE_ID_PATTERN } from './distributed/node-identity.js';
export {
  IPeerTransport,
  MAX_PEER_MESSAGE_BYTES,
  type PeerCallOptions,
  type PeerHandler,
  type PeerRequest,
} from './distributed/peer-transport.js';
export {
  type ConflictResolution,
  IReplicationSync,
  type ReplicationConflict,
  type ReplicationSyncEvent,
  type ReplicationSyncMode,
  type ReplicationSyncRequest,
  type ReplicationSyncResult,
  type ReplicationSyncStatus,
} from './distributed/replication-sync.js';
export {
  ed25519PublicKey,
  ed25519PublicKeyText,
  type SignedRequestParts,
  sha256Hex,
  signEd25519,
  signedRequestBytes,
  verifyEd25519,
} from './distributed/request-signature.js';
export { type BusErrorCode, busError, busErrors } from './errors/bus-errors.js';
export { type ContentErrorCode, contentError, contentErrors } from './errors/content-errors.js';
export {
  type ErrorBuilder,
  type ErrorDefinition,
  type ErrorOccurrence,
  type ErrorTable,
  errorBuilder,
} from './errors/define-errors.js';
// Errors
export { DwError, type DwErrorOptions, type ErrorCategory } from './errors/dw-error.js';
export { type LogErrorCode, logError, logErrors } from './errors/log-errors.js';
export { type PeerErrorCode, peerError, peerErrors } from './errors/peer-errors.js';
export { type PluginErrorCode, pluginError, pluginErrors } from './errors/plugin-errors.js';
export { type ScalingErrorCode, scalingError, scalingErrors } from './errors/scaling-errors.js';
export { type StoreErrorCode, storeError, storeErrors } from './errors/store-errors.js';
// Messaging
export {
  IMessageBus,
  type Message,
  type MessageHandler,
  type PublishOptions,
  type RequestHandler,
  type RequestOptions,
  type SubscribeOptions,
  type SubscriptionStatistics,
} from './messaging/message-bus.js';
export { parseMessage, type Topic, topic } from './messaging/topic.js';
export { topicMatcher } from './messaging/topic-pattern.js';
export type {
  ContentLocation,
  ContentMedium,
  ContentMediumCapabilities,
  ContentMediumChunk,
} from './persistence/content-medium.js';
export type {
  ContentAssembleOptions,
  ContentCleanUp,
  ContentCompareOptions,
  ContentComparison,
  ContentDigests,
  ContentFetch,
  ContentRange,
  ContentSide,
  ContentStageOptions,
  ContentStoreOptions,
  ContentStoreStatistics,
  StagedContent,
} from './persistence/content-options.js';
export { ContentPacks, type ContentPacksOptions } from './persistence/content-packs.js';
export { ContentStore } from './persistence/content-store.js';
export { existsMany } from './persistence/exists-many.js';
export type { LogConsumerState } from './persistence/log-consumers.js';
export type { LogPosition } from './persistence/log-extent.js';
export type { LogFollowOptions } from './persistence/log-follower.js';
export type {
  LogAppendOptions,
  LogTruncation,
  WriteAheadLogLimits,
  WriteAheadLogOptions,
  WriteAheadLogStatistics,
} from './persistence/log-options.js';
export type { LogEntry, LogReadOptions } from './persistence/log-reader.js';
export type { LogRecovery } from './persistence/log-recovery.js';
export { makeFolder } from './persistence/make-folder.js';
export {
  assertPayloadReference,
  CONTENT_CHUNK_BYTES,
  contentChunkCount,
  type PayloadReference,
  payloadReferenceOf,
} from './persistence/payload-reference.js';
// Persistence
export {
  type BackingStoreCallOptions,
  type BackingStoreCapabilities,
  type BackingStoreEntry,
  type BackingStoreListOptions,
  type BackingStoreOperation,
  type BackingStoreWriteOptions,
  type Durability,
  IPersistentBackingStore,
} from './persistence/persistent-backing-store.js';
export {
  assertStorePath,
  compareStorePaths,
  escapeSegment,
  MAX_STORE_PATH_BYTES,
  sequenceSegment,
  storePath,
  storePathSegments,
  storePrefix,
  unescapeSegment,
} from './persistence/store-path.js';
export { WriteAheadLog } from './persistence/write-ahead-log.js';
// Plugins
export { type ByteRange, parseByteRange } from './plugin/byte-range.js';
export {
  type ApiClient,
  type ApiRequest,
  type ApiResponse,
  apiPath,
  type CliArgument,
  type CliCommand,
  type CliContext,
  type CliOption,
  type CliOutput,
  type ProgressReporter,
} from './plugin/cli-command.js';
export { type Clock, delay, systemClock } from './plugin/clock.js';
export { collectBytes } from './plugin/collect-bytes.js';
export type {
  HttpMethod,
  HttpRequest,
  HttpResponse,
  HttpRoute,
  HttpRouteRegistry,
} from './plugin/http-route.js';
export { httpStatusByCategory } from './plugin/http-status.js';
export { type Logger, silentLogger } from './plugin/logger.js';
export { IPlugin, type PluginHealth, type PluginModule } from './plugin/plugin.js';
export type { PluginContext, PluginScope } from './plugin/plugin-context.js';
export {
  type PluginManifest,
  parsePluginManifest,
  pluginManifestSchema,
} from './plugin/plugin-manifest.js';
export type { ServiceRegistry } from './plugin/service-registry.js';
export {
  type BackpressureChoice,
  type BackpressureContext,
  type BackpressureDrop,
  type BackpressureEntry,
  type BackpressureState,
  type BackpressureStateChange,
  type BackpressureStrategy,
  type BackpressureThresholds,
  type BackpressureTombstone,
  backpressureChangedTopic,
  backpressureStates,
} from './scaling/backpressure.js';
// Scaling
export {
  type BackpressureEnterOptions,
  BackpressureGate,
  type BackpressureItem,
  type BackpressureWaitOptions,
} from './scaling/backpressure-gate.js';
export type {
  BackpressureChanges,
  BackpressureGateOptions,
  BackpressureSettings,
} from './scaling/backpressure-options.js';
export { BoundedCache, type CacheSetOptions } from './scaling/bounded-cache.js';
export type {
  BoundedCacheOptions,
  BoundedCacheStatistics,
  CacheEviction,
  CacheReconfiguration,
  ResolvedCacheOptions,
} from './scaling/bounded-cache-options.js';
export type {
  CacheBackingOptions,
  CacheBackingStatistics,
} from './scaling/cache/cache-backing-options.js';
export type { CacheWriteCounts } from './scaling/cache/cache-backlog.js';
export type { CacheCodecOptions } from './scaling/cache/cache-value-codec.js';
export type { CacheWriteFailure } from './scaling/cache/cache-write-queue.js';
export type { CacheEstimate } from './scaling/cache/request-sample.js';
export {
  type ComposedCache,
  type ComposedGate,
  ComposedSubsystem,
  type ComposedSubsystemOptions,
} from './scaling/composed-subsystem.js';
export type { EvictionPolicyName } from './scaling/eviction/eviction-policy.js';
export {
  IScalableSubsystem,
  type ReconfigureLimitsOptions,
  type ScalingMetricDescriptor,
  type ScalingMetrics,
  type ScalingReconfigured,
  scalingReconfiguredTopic,
  standardMetricKeys,
} from './scaling/scalable-subsystem.js';
export {
  defaultScalingLimits,
  MAX_CACHE_ENTRIES,
  resolveScalingLimits,
  type ScalingLimits,
  scalingLimitsSchema,
} from './scaling/scaling-limits.js';
export {
  limitsAt,
  resolveScalingPolicy,
  type ScalingLevel,
  type SubsystemScalingPolicy,
} from './scaling/scaling-policy.js';
