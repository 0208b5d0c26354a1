/** Asks a signal anew; the compiler would take an answer from before an await for granted. */
export function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
