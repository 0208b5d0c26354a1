import { recordStamp, type SdkCompatibilityOptions } from './compatibility-stamp.js';
import { SDK_MAJOR } from './sdk-version.js';

declare const contractType: unique symbol;

/**
 * Injection token of a contract: a registered symbol that remembers the type it stands for.
 *
 * Two copies of one SDK major in a process produce the same token; two majors never do.
 */
export type Contract<T> = symbol & { readonly [contractType]?: (value: T) => T };

/** What {@link contract} records beside the name. */
export interface ContractOptions extends SdkCompatibilityOptions {
  /** Semantic version of the SDK that first had the contract. */
  readonly introduced: string;
}

/**
 * Creates, or finds again, the injection token of a contract.
 *
 * @param name - Dotted name, unique in the world: `<owner>.<package>.<IContract>`.
 * @param options - Compatibility stamp, readable with {@link compatibilityOf}.
 * @throws TypeError where the name or a version is malformed.
 */
export function contract<T>(name: string, options: ContractOptions): Contract<T> {
  if (!/^[\w-]+(\.[\w-]+)+$/.test(name)) throw new TypeError(`Malformed contract name: ${name}`);
  const token = Symbol.for(`${name}@${SDK_MAJOR}`);
  const { introduced, ...rest } = options;
  recordStamp(token, introduced, rest);
  return token;
}

/** Returns the dotted name of a contract, for messages. */
export function contractName(token: symbol): string {
  const key = Symbol.keyFor(token) ?? token.description ?? 'unnamed contract';
  return key.replace(/@\d+$/, '');
}
