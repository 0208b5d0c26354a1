import { DwError, type DwErrorOptions, type ErrorCategory } from './dw-error.js';

/** One row of an area's error table. */
export interface ErrorDefinition {
  /** What happened, without the particulars: those go into `details` or a longer `message`. */
  readonly message: string;
  /** What to do about it, in one sentence. */
  readonly hint: string;
  /** Kind of failure. */
  readonly category: ErrorCategory;
  /**
   * Whether the same call may succeed later.
   * @defaultValue false
   */
  readonly retryable?: boolean;
}

/** Every code of an area, with its row. */
export type ErrorTable<TCode extends string = string> = Readonly<Record<TCode, ErrorDefinition>>;

/** Particulars of one occurrence; each overrides the table's row. */
export interface ErrorOccurrence extends Omit<DwErrorOptions, 'category'> {
  /** Replaces the row's message; say the same thing with the particulars. */
  readonly message?: string;
}

/** Builds an error of an area from its code. */
export type ErrorBuilder<TCode extends string> = <T extends TCode>(
  code: T,
  occurrence?: ErrorOccurrence,
) => DwError<T>;

/**
 * Makes the error builder of an area from its table.
 *
 * Export the table as well: the documentation of error codes is checked against it.
 */
export function errorBuilder<TCode extends string>(table: ErrorTable<TCode>): ErrorBuilder<TCode> {
  return (code, occurrence = {}) => {
    const { message, ...rest } = occurrence;
    const row = table[code];
    return new DwError(code, message ?? row.message, {
      hint: row.hint,
      retryable: row.retryable ?? false,
      ...rest,
      category: row.category,
    });
  };
}
