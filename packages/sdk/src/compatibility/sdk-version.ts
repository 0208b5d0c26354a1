import { major, satisfies, validRange } from 'semver';

/** Version of this SDK. Equals the version of its package. */
export const SDK_VERSION = '6.0.0';

/** Major of {@link SDK_VERSION}; part of every contract token. */
export const SDK_MAJOR: number = major(SDK_VERSION);

/** Reports whether `range` is a range that {@link satisfiesSdk} understands. */
export function isSdkRange(range: string): boolean {
  return validRange(range) !== null;
}

/**
 * Reports whether an SDK version lies in the range that a plugin declares.
 *
 * @param range - npm range, such as `^6.0.0`. A malformed range is satisfied by nothing.
 * @param version - SDK version to judge. A prerelease counts by its precedence: `6.1.0-beta.1` lies
 *   in `^6.0.0`, `6.0.0-beta.1` and `7.0.0-beta.1` do not.
 * @defaultValue `version` is {@link SDK_VERSION}.
 */
export function satisfiesSdk(range: string, version: string = SDK_VERSION): boolean {
  return satisfies(version, range, { includePrerelease: true });
}
