import { recordStamp, type SdkCompatibilityOptions } from './compatibility-stamp.js';

/**
 * Stamps a class with the SDK version that introduced it, and, where so, that deprecated it.
 *
 * The loader, the command line and the API check read the stamps with {@link compatibilityOf}.
 *
 * @param introducedVersion - Semantic version, such as `6.0.0`.
 * @throws TypeError where a version is malformed.
 */
export function SdkCompatibility(
  introducedVersion: string,
  options: SdkCompatibilityOptions = {},
): ClassDecorator {
  return (target) => {
    recordStamp(target, introducedVersion, options);
  };
}
