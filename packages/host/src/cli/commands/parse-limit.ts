const factors: Readonly<Record<string, number>> = {
  '': 1,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
};

/** Parses a whole number that may end in a binary unit; `undefined` where the text is none. */
export function parseLimit(text: string): number | undefined {
  const match = /^(\d{1,16})(KiB|MiB|GiB)?$/.exec(text);
  if (match === null) return undefined;
  const value = Number(match[1]) * (factors[match[2] ?? ''] ?? 1);
  return Number.isSafeInteger(value) ? value : undefined;
}
