import type { PluginState } from './plugin-status.js';

/** Which state may follow which. What is refused, failed or stopped stays so. */
const legalMoves: Readonly<Record<PluginState, readonly PluginState[]>> = Object.freeze({
  found: ['initialized', 'failed', 'stopped'],
  refused: [],
  initialized: ['running', 'failed', 'stopped'],
  running: ['failed', 'stopped'],
  failed: [],
  stopped: [],
});

/** The state of a plugin, which moves only as the table allows. */
export class PluginLife {
  #state: PluginState = 'found';

  get state(): PluginState {
    return this.#state;
  }

  /** Whether the plugin was initialised and has not ended. */
  get isAlive(): boolean {
    return this.#state === 'initialized' || this.#state === 'running';
  }

  /** Whether nothing can follow. */
  get isOver(): boolean {
    return legalMoves[this.#state].length === 0;
  }

  /** Throws a TypeError where the table has no such move. */
  moveTo(state: PluginState): void {
    if (!legalMoves[this.#state].includes(state)) {
      throw new TypeError(`A plugin cannot go from ${this.#state} to ${state}`);
    }
    this.#state = state;
  }
}
