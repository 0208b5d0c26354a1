/** What the quickstart claims, by name. */
export const checkNames = [
  'nodesKnowOneAnother',
  'everyFileStored',
  'synchronousWritesConfirmedByAll',
  'objectsEqualOnAllNodes',
  'writesWentOnWithoutNode3',
  'node3CaughtUp',
  'changesEqualOnAllNodes',
  'deletionsHoldOnAllNodes',
  'listingsEqualOnAllNodes',
  'deliveredToEveryAgent',
  'deliveredBytesEqual',
] as const;

/** Name of a check. */
export type CheckName = (typeof checkNames)[number];

/** What was checked so far. What could not be checked has failed. */
export class Checks {
  readonly #held = new Map<CheckName, boolean>();
  readonly #problems: string[] = [];

  /** Records the outcome of a check, and what spoke against it. */
  record(name: CheckName, problems: readonly string[]): void {
    this.#held.set(name, problems.length === 0);
    this.#problems.push(...problems.map((problem) => `${name}: ${problem}`));
  }

  get allHeld(): boolean {
    return checkNames.every((name) => this.#held.get(name) === true);
  }

  /** Every check, those that were never made as `false`. */
  get byName(): Readonly<Record<CheckName, boolean>> {
    const entries = checkNames.map((name) => [name, this.#held.get(name) ?? false]);
    return Object.fromEntries(entries) as Record<CheckName, boolean>;
  }

  /** What spoke against checks. */
  get problems(): readonly string[] {
    return this.#problems;
  }
}
