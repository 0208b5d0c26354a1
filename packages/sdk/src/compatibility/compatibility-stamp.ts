import 'reflect-metadata';
import { valid } from 'semver';

/** What a stamp says beside the version of introduction. */
export interface SdkCompatibilityOptions {
  /** Semantic version of the SDK that deprecated the type. */
  readonly deprecatedVersion?: string;
  /** Name of the type to use instead. */
  readonly replacementType?: string;
  /** Anything a maintainer should know. */
  readonly notes?: string;
}

/** Compatibility stamp of a public type, as read back by {@link compatibilityOf}. */
export interface SdkCompatibilityInfo extends SdkCompatibilityOptions {
  /** Semantic version of the SDK that introduced the type. */
  readonly introducedVersion: string;
}

const metadataKey = 'dw:sdk-compatibility';

/** Stamps of tokens, shared by every copy of the SDK in the process. */
const tokenStamps: Map<symbol, SdkCompatibilityInfo> = sharedTokenStamps();

function sharedTokenStamps(): Map<symbol, SdkCompatibilityInfo> {
  const key = Symbol.for('dw.sdk.tokenStamps');
  const shared = globalThis as { [key: symbol]: Map<symbol, SdkCompatibilityInfo> | undefined };
  return (shared[key] ??= new Map<symbol, SdkCompatibilityInfo>());
}

function assertVersion(version: string): void {
  if (valid(version) === null) throw new TypeError(`Not a semantic version: ${version}`);
}

/** Writes the stamp of a class or a token. */
export function recordStamp(
  target: object | symbol,
  introducedVersion: string,
  options: SdkCompatibilityOptions,
): void {
  assertVersion(introducedVersion);
  if (options.deprecatedVersion !== undefined) assertVersion(options.deprecatedVersion);
  const info: SdkCompatibilityInfo = Object.freeze({ introducedVersion, ...options });
  if (typeof target === 'symbol') tokenStamps.set(target, info);
  else Reflect.defineMetadata(metadataKey, info, target);
}

/**
 * Reads the compatibility stamp of a class or a contract token, or `undefined` where there is none.
 *
 * A subclass has the stamp of its parent unless it carries its own.
 */
export function compatibilityOf(target: object | symbol): SdkCompatibilityInfo | undefined {
  if (typeof target === 'symbol') return tokenStamps.get(target);
  return Reflect.getMetadata(metadataKey, target) as SdkCompatibilityInfo | undefined;
}
