import { SdkCompatibility } from '../compatibility/sdk-compatibility.js';

/** Shared by every copy of the SDK in a process, so {@link DwError.is} survives double installs. */
const brand: unique symbol = Symbol.for('dw.sdk.DwError');

/**
 * What kind of failure an error is, for callers that do not know its code.
 *
 * `httpStatusByCategory` has what the HTTP API answers them with.
 */
export type ErrorCategory =
  | 'invalid'
  | 'unauthenticated'
  | 'denied'
  | 'notFound'
  | 'conflict'
  | 'tooLarge'
  | 'exhausted'
  | 'unavailable'
  | 'timeout'
  | 'corrupt'
  | 'internal';

/** What a {@link DwError} says beyond its code. */
export interface DwErrorOptions extends ErrorOptions {
  /** What an operator should do next, in one sentence. Never parse it. */
  readonly hint?: string;
  /**
   * Whether the same call may succeed later.
   * @defaultValue false
   */
  readonly retryable?: boolean;
  /**
   * Kind of failure.
   * @defaultValue 'internal'
   */
  readonly category?: ErrorCategory;
  /** JSON-safe context for logs. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/**
 * The error that callers may branch on, by `code`.
 *
 * Codes change only in a major release; messages may change in any.
 */
@SdkCompatibility('6.0.0')
export class DwError<TCode extends string = string> extends Error {
  /** Stable, grep-able name of the failure, such as `DW_STORE_CLOSED`. */
  readonly code: TCode;
  /** See {@link DwErrorOptions.hint}. */
  readonly hint: string | undefined;
  /** See {@link DwErrorOptions.retryable}. */
  readonly retryable: boolean;
  /** See {@link DwErrorOptions.category}. */
  readonly category: ErrorCategory;
  /** See {@link DwErrorOptions.details}. Frozen. */
  readonly details: Readonly<Record<string, unknown>>;

  /** Prefer an area's own builder (`storeError(…)`), which knows the message and hint of each code. */
  constructor(code: TCode, message: string, options: DwErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.name = 'DwError';
    this.code = code;
    this.hint = options.hint;
    this.retryable = options.retryable ?? false;
    this.category = options.category ?? 'internal';
    this.details = Object.freeze({ ...options.details });
    Object.defineProperty(this, brand, { value: true });
  }

  /** Reports whether `value` is a {@link DwError}, and has `code` if one is given. */
  static is<T extends string>(value: unknown, code?: T): value is DwError<T> {
    if (typeof value !== 'object' || value === null || !(brand in value)) return false;
    return code === undefined || ('code' in value && value.code === code);
  }
}
