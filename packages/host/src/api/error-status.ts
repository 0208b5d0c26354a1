import { type DwError, httpStatusByCategory } from '@datawarehouse/sdk';

/** Where HTTP has a status that says more than the category. */
const byCode: Readonly<Record<string, number | undefined>> = {
  DW_API_METHOD_NOT_ALLOWED: 405,
  DW_API_REQUEST_TIMEOUT: 408,
  DW_API_URL_TOO_LONG: 414,
  DW_API_HEADERS_TOO_LARGE: 431,
};

/** HTTP status of an error. */
export function statusOf(error: DwError): number {
  return byCode[error.code] ?? httpStatusByCategory[error.category];
}
