import { DwError } from '@datawarehouse/sdk';
import type { Report, ReportResponse } from '../protocol/agent-messages.js';
import type { TargetLedger } from './target-ledger.js';

type ReportResult = ReportResponse['results'][number];

/** Writes what clients report into the ledger. Each report is answered on its own. */
export class ReportDesk {
  readonly #ledger: TargetLedger;
  readonly #transfer: () => ReportResponse['transfer'];

  /** @param transfer - How clients should fetch payloads now. */
  constructor(ledger: TargetLedger, transfer: () => ReportResponse['transfer']) {
    this.#ledger = ledger;
    this.#transfer = transfer;
  }

  async receive(clientId: string, reports: readonly Report[]): Promise<ReportResponse> {
    const results: ReportResult[] = [];
    for (const report of reports) results.push(await this.#receiveOne(clientId, report));
    return { transfer: this.#transfer(), results };
  }

  async #receiveOne(clientId: string, report: Report): Promise<ReportResult> {
    const { jobId, ...move } = report;
    try {
      const { state } = await this.#ledger.move(jobId, clientId, move);
      return { jobId, isAccepted: true, state };
    } catch (error) {
      // What can never be accepted is an answer; what may be later is an error, and sent again.
      if (!DwError.is(error) || error.retryable) throw error;
      const state = (await this.#ledger.get(jobId, clientId))?.state;
      return { jobId, isAccepted: false, code: error.code, ...(state !== undefined && { state }) };
    }
  }
}
