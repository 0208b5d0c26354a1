import { readdir } from 'node:fs/promises';

/** The files of a database, by kind and number. */
export class StoreFiles {
  readonly manifests: ReadonlyMap<number, string>;
  readonly logs: ReadonlyMap<number, string>;
  readonly tables: ReadonlyMap<number, string>;

  private constructor(names: readonly string[]) {
    const numbered = (pattern: RegExp): ReadonlyMap<number, string> =>
      new Map(
        names.flatMap((name) => {
          const digits = pattern.exec(name)?.[1];
          return digits === undefined ? [] : [[Number(digits), name] as const];
        }),
      );
    this.manifests = numbered(/^MANIFEST-(\d+)$/);
    this.logs = numbered(/^(\d+)\.log$/);
    this.tables = numbered(/^(\d+)\.(?:ldb|sst)$/);
  }

  static async list(directory: string): Promise<StoreFiles> {
    return new StoreFiles(await readdir(directory));
  }

  /** Whether there is nothing of a database. */
  get isNew(): boolean {
    return this.manifests.size + this.logs.size + this.tables.size === 0;
  }
}
