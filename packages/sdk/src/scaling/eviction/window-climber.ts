const firstRatio = 0.1;
const mostRatio = 0.82;
const stepRatio = 0.0625;
const stepDecay = 0.98;
/** A change of the hit ratio that means another load: steps are large again. */
const restartRatio = 0.05;

/** Searches the share of a cache that its window should have, by climbing on the hit ratio. */
export class WindowClimber {
  #windowRatio = firstRatio;
  #step = stepRatio;
  #hits = 0;
  #requests = 0;
  #hitRatioBefore = 0;

  get windowRatio(): number {
    return this.#windowRatio;
  }

  /** Counts a hit. Returns whether that was the end of a sample, so that the window has changed. */
  hit(sampleCount: number): boolean {
    this.#hits += 1;
    return this.miss(sampleCount);
  }

  /** Counts a miss, as {@link hit} does. */
  miss(sampleCount: number): boolean {
    this.#requests += 1;
    if (this.#requests < sampleCount) return false;
    this.#climb();
    return true;
  }

  #climb(): void {
    const hitRatio = this.#hits / this.#requests;
    const change = hitRatio - this.#hitRatioBefore;
    const step = change >= 0 ? this.#step : -this.#step;
    this.#step = Math.abs(change) >= restartRatio ? stepRatio * Math.sign(step) : stepDecay * step;
    this.#windowRatio = Math.min(mostRatio, Math.max(0, this.#windowRatio + step));
    this.#hitRatioBefore = hitRatio;
    this.#hits = 0;
    this.#requests = 0;
  }
}
