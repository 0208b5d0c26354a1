import { clusterError } from './cluster-errors.js';

/** Whether an address reaches only nodes of the same machine. */
export function isLoopback(endpoint: string): boolean {
  return /^https?:\/\/(?:localhost|127(?:\.\d+){3}|\[::1\])(?::|$)/.test(endpoint);
}

/**
 * Brings the address of a node into its one form: `http://host:port`.
 *
 * @throws DwError `DW_CLUSTER_BAD_ENDPOINT`.
 */
export function normalizeEndpoint(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (
    url === undefined ||
    (url.protocol !== 'http:' && url.protocol !== 'https:') ||
    url.username !== '' ||
    url.password !== '' ||
    url.pathname !== '/' ||
    url.search !== '' ||
    url.hash !== '' ||
    url.port === '0'
  ) {
    const shown = text.replace(/\/\/[^/@]*@/, '//…@').slice(0, 200);
    throw clusterError('DW_CLUSTER_BAD_ENDPOINT', {
      message: `${shown} is not the address of a node`,
      details: { endpoint: shown },
    });
  }
  return url.origin;
}
