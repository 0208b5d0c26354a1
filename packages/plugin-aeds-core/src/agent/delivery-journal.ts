import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '@datawarehouse/sdk';
import { z } from 'zod';
import { aedsError } from '../errors/aeds-errors.js';
import { writeFileAtomically } from '../files/atomic-file.js';
import { fileError } from '../files/file-errors.js';
import { timedIdSchema, timestampSchema } from '../identity/identifiers.js';
import { type Report, reportSchema } from '../protocol/agent-messages.js';

/** Deliveries that are remembered one by one. */
const defaultMaxEntries = 10_000;
const watermarkFile = 'watermark.json';

const entrySchema = z.strictObject({
  jobId: timedIdSchema,
  /** Absent where the manifest was refused before anything in it could be believed. */
  manifestId: timedIdSchema.exactOptional(),
  createdAt: timestampSchema.exactOptional(),
  /** Where the payload goes, below the directory of files. */
  place: z.string().exactOptional(),
  /** The end of it, as it is reported; absent while it is in hand. */
  report: reportSchema.exactOptional(),
  isReported: z.boolean(),
});

/** What the agent did with one job. */
export type JournalEntry = Readonly<z.output<typeof entrySchema>>;

const watermarkSchema = z.strictObject({ createdAt: timestampSchema });

/**
 * Remembers, over restarts, what was done with each manifest, so that none is handled twice and
 * no end goes unreported.
 *
 * The oldest ends are forgotten; from then on every manifest as old as they are counts as handled.
 */
export class DeliveryJournal {
  readonly #directory: string;
  readonly #maxEntries: number;
  readonly #byJob = new Map<string, JournalEntry>();
  readonly #byManifest = new Map<string, string>();
  #watermark = -1;

  private constructor(directory: string, maxEntries: number) {
    this.#directory = directory;
    this.#maxEntries = maxEntries;
  }

  /** @throws DwError `DW_AEDS_RECORD_DAMAGED`, `DW_AEDS_FILE_IO`. */
  static async open(
    directory: string,
    maxEntries: number = defaultMaxEntries,
  ): Promise<DeliveryJournal> {
    const journal = new DeliveryJournal(directory, maxEntries);
    await makeFolder(directory);
    for (const name of (await readdir(directory)).sort()) {
      const path = join(directory, name);
      if (name === watermarkFile) {
        journal.#watermark = (await readJson(path, watermarkSchema)).createdAt;
      } else if (name.endsWith('.json')) journal.#remember(await readJson(path, entrySchema));
      // What an atomic write left when the process died in it.
      else if (name.endsWith('.tmp')) await rm(path, { force: true });
    }
    return journal;
  }

  get(jobId: string): JournalEntry | undefined {
    return this.#byJob.get(jobId);
  }

  /** Reports whether a manifest was handled before, for another job. */
  isReplay(jobId: string, manifestId: string, createdAt: number): boolean {
    const handledFor = this.#byManifest.get(manifestId);
    if (handledFor !== undefined) return handledFor !== jobId;
    return createdAt <= this.#watermark;
  }

  /** Reports whether a newer manifest has put its payload into a place. */
  isSuperseded(place: string, createdAt: number): boolean {
    for (const entry of this.#byJob.values()) {
      if (entry.place !== place || entry.report?.state !== 'applied') continue;
      if ((entry.createdAt ?? 0) > createdAt) return true;
    }
    return false;
  }

  /** Writes an entry in place of an earlier one of its job. */
  async record(entry: JournalEntry): Promise<void> {
    await writeFileAtomically(this.#path(entry.jobId), JSON.stringify(entry));
    this.#remember(entry);
    if (entry.isReported) await this.#forgetOldest();
  }

  async markReported(jobId: string): Promise<void> {
    const entry = this.#byJob.get(jobId);
    if (entry !== undefined) await this.record({ ...entry, isReported: true });
  }

  /** Ends that the server does not know yet, oldest first. */
  unreported(): readonly Report[] {
    return [...this.#byJob.values()]
      .filter(({ isReported }) => !isReported)
      .flatMap(({ report }) => report ?? []);
  }

  #remember(entry: JournalEntry): void {
    this.#byJob.set(entry.jobId, entry);
    if (entry.manifestId !== undefined) this.#byManifest.set(entry.manifestId, entry.jobId);
  }

  async #forgetOldest(): Promise<void> {
    for (const entry of this.#byJob.values()) {
      if (this.#byJob.size <= this.#maxEntries) return;
      if (!entry.isReported) continue;
      if ((entry.createdAt ?? -1) > this.#watermark) {
        this.#watermark = entry.createdAt ?? -1;
        const path = join(this.#directory, watermarkFile);
        await writeFileAtomically(path, JSON.stringify({ createdAt: this.#watermark }));
      }
      await rm(this.#path(entry.jobId), { force: true });
      this.#byJob.delete(entry.jobId);
      if (entry.manifestId !== undefined) this.#byManifest.delete(entry.manifestId);
    }
  }

  #path(jobId: string): string {
    return join(this.#directory, `${jobId}.json`);
  }
}

async function readJson<T>(path: string, schema: z.ZodType<T>): Promise<T> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw fileError(error, path);
  }
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    throw aedsError('DW_AEDS_RECORD_DAMAGED', { cause, details: { path } });
  }
}
