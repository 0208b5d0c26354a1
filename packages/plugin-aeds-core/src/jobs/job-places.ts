import type { BackpressureGate } from '@datawarehouse/sdk';

/**
 * Counts open jobs in a gate. A job has its place from its admission to its end, over restarts; where
 * an earlier run left more than the gate has places, nobody enters until enough of them have ended.
 */
export class JobPlaces {
  readonly #gate: BackpressureGate;
  /** Open jobs that the gate had no place for. */
  #excess = 0;

  constructor(gate: BackpressureGate) {
    this.#gate = gate;
  }

  /**
   * Admits a new job.
   *
   * @throws DwError `DW_SCALING_OVERLOADED`.
   */
  enter(): void {
    if (this.#excess === 0 && this.#gate.state !== 'shedding' && this.#gate.takePlace()) return;
    // The gate's strategy decides.
    const entry = this.#gate.tryEnter();
    entry[Symbol.dispose]();
    this.#gate.takePlace();
  }

  /** Counts a job that is there already. */
  add(): void {
    if (!this.#gate.takePlace()) this.#excess += 1;
  }

  /** Frees the place of a job that has ended, or was not stored. */
  leave(): void {
    if (this.#excess > 0) this.#excess -= 1;
    else this.#gate.freePlace();
    while (this.#excess > 0 && this.#gate.takePlace()) this.#excess -= 1;
  }
}
