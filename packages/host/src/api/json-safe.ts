/**
 * Details of an error as they can be sent: what JSON cannot write (cycles, big integers) is left
 * out rather than failing the answer.
 */
export function jsonSafe(
  details: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const safe: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(details)) {
    const text = stringify(value);
    if (text !== undefined) safe[name] = JSON.parse(text);
  }
  return safe;
}

function stringify(value: unknown): string | undefined {
  try {
    // Typed as string, but undefined for functions and undefined itself.
    return JSON.stringify(value);
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}
