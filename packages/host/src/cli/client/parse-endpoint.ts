/** Normalises the base address of a node; `undefined` where the text is none. */
export function parseEndpoint(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  const isBare = url.pathname === '/' && url.search === '' && url.hash === '';
  const isHttp = url.protocol === 'http:' || url.protocol === 'https:';
  return isHttp && isBare && url.username === '' && url.password === '' ? url.origin : undefined;
}
