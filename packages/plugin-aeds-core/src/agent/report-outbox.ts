import { Backoff, type Clock, DwError } from '@datawarehouse/sdk';
import { isAborted } from '../concurrency/is-aborted.js';
import { aedsError } from '../errors/aeds-errors.js';
import { fittingReports, type Report } from '../protocol/agent-messages.js';
import type { AgentListener } from './agent-events.js';
import type { DeliveryJournal } from './delivery-journal.js';
import type { TransferPreferences } from './transfer-preferences.js';
import type { TrustedServer } from './trusted-server.js';

/** Sends reports until the server has them: ends from the journal, and the latest progress of each job. */
export class ReportOutbox {
  readonly #journal: DeliveryJournal;
  readonly #server: TrustedServer;
  readonly #preferences: TransferPreferences;
  readonly #emit: AgentListener;
  readonly #clock: Clock;
  readonly #progress = new Map<string, Report>();
  #wake: (() => void) | undefined;

  constructor(options: {
    readonly journal: DeliveryJournal;
    readonly server: TrustedServer;
    readonly preferences: TransferPreferences;
    readonly emit: AgentListener;
    readonly clock: Clock;
  }) {
    this.#journal = options.journal;
    this.#server = options.server;
    this.#preferences = options.preferences;
    this.#emit = options.emit;
    this.#clock = options.clock;
  }

  /** Notes how far a job is. Only the latest note of a job is sent. */
  progress(report: Report): void {
    this.#progress.set(report.jobId, report);
    this.wake();
  }

  /** Looks again for what is to be sent. */
  wake(): void {
    this.#wake?.();
  }

  /** Sends until aborted; then it may reject with the signal's reason. */
  async run(signal: AbortSignal): Promise<void> {
    const backoff = new Backoff({ firstMs: 500, maxMs: 30_000, clock: this.#clock });
    while (!signal.aborted) {
      const reports = this.#next();
      if (reports.length === 0) {
        await this.#nextReport(signal);
        continue;
      }
      try {
        await this.#send(reports, signal);
        backoff.reset();
      } catch (error) {
        if (isAborted(signal)) return;
        if (!DwError.is(error)) throw error;
        await backoff.wait({ signal });
      }
    }
  }

  /** Ends first; the progress of a job that has ended is of no use any more. */
  #next(): readonly Report[] {
    const ends = this.#journal.unreported();
    for (const { jobId } of ends) this.#progress.delete(jobId);
    return fittingReports([...ends, ...this.#progress.values()]);
  }

  async #send(reports: readonly Report[], signal: AbortSignal): Promise<void> {
    const { results, transfer } = await this.#server.report(reports, signal);
    this.#preferences.update(transfer);
    const answered = new Set(results.map(({ jobId }) => jobId));
    for (const report of reports) {
      if (!answered.has(report.jobId)) {
        throw aedsError('DW_AEDS_SERVER_REFUSED', {
          message: 'The server left a report unanswered',
        });
      }
      if (this.#progress.get(report.jobId) === report) this.#progress.delete(report.jobId);
      // The job may have ended while its progress was on the way.
      if (this.#journal.get(report.jobId)?.report !== report) continue;
      await this.#journal.markReported(report.jobId);
      this.#emit({ type: 'reported', jobId: report.jobId, state: report.state });
    }
  }

  #nextReport(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        signal.removeEventListener('abort', wake);
        this.#wake = undefined;
        resolve();
      };
      signal.addEventListener('abort', wake, { once: true });
      this.#wake = wake;
    });
  }
}
