import { type DwError, type IPlugin, withTimeLimit } from '@datawarehouse/sdk';
import type { DiscoveredPlugin } from '../loading/discovered-plugin.js';
import { loadPlugin } from '../loading/load-plugin.js';
import { logPluginError, pluginFailure, stoppedFailure, timeoutFailure } from './plugin-failure.js';
import { healthOf } from './plugin-health.js';
import { PluginLife } from './plugin-life.js';
import { HostPluginScope } from './plugin-scope.js';
import { describeProblem, type PluginStatus } from './plugin-status.js';
import type { PluginSurroundings } from './plugin-surroundings.js';

/** Share of the time to stop that requests at work may use up. */
const drainRatio = 0.25;

/** One call of a plugin. */
interface Attempt {
  /** What it is at, for errors. */
  readonly stage: () => string;
  readonly limitMs: number;
  readonly signal: AbortSignal | undefined;
}

/** One plugin from its first call to the closing of its scope. Its failures stay here. */
export class RunningPlugin {
  readonly plugin: DiscoveredPlugin;
  readonly #surroundings: PluginSurroundings;
  readonly #life = new PluginLife();
  #instance: IPlugin | undefined;
  #scope: HostPluginScope | undefined;
  #isInitialized = false;
  #error: DwError | undefined;
  #spentMs = 0;

  constructor(plugin: DiscoveredPlugin, surroundings: PluginSurroundings) {
    this.plugin = plugin;
    this.#surroundings = surroundings;
  }

  get id(): string {
    return this.plugin.id;
  }

  get life(): Pick<PluginLife, 'state' | 'isAlive'> {
    return this.#life;
  }

  /** Why it failed. */
  get error(): DwError | undefined {
    return this.#error;
  }

  /** Imports the plugin and initialises it. Never rejects: see its state. */
  async initialize(): Promise<void> {
    const { timeouts, scaling, signal } = this.#surroundings;
    let stage = 'its import';
    const options = { stage: () => stage, limitMs: timeouts.initializeMs, signal };
    this.#spentMs += await this.#attempt(options, async () => {
      const isServing = (): boolean => this.#life.state === 'running';
      this.#scope = await HostPluginScope.open(this.plugin, this.#surroundings, isServing);
      const instance = await loadPlugin(this.plugin);
      if (this.#life.isOver) return;
      this.#instance = instance;
      stage = 'initializeAsync';
      await instance.initializeAsync(this.#scope.context);
      await scaling.applyConfigured(this.id);
    });
    if (this.#life.isOver) return;
    this.#isInitialized = true;
    this.#life.moveTo('initialized');
  }

  /** Starts it. Never rejects: see its state. */
  async start(): Promise<void> {
    const { timeouts, signal } = this.#surroundings;
    const options = { stage: () => 'startAsync', limitMs: timeouts.startMs, signal };
    const start = async (): Promise<void> => this.#instance?.startAsync?.();
    this.#spentMs += await this.#attempt(options, start);
    if (!this.#life.isOver) this.#life.moveTo('running');
  }

  /** Marks it as failed. What it opened stays open until {@link close}. */
  fail(error: DwError): void {
    logPluginError(this.#surroundings.logger, this.id, error);
    if (this.#life.isOver) return;
    this.#life.moveTo('failed');
    this.#error = error;
  }

  /**
   * Lets requests at work end, and stops it; also after a failed start. Never rejects.
   *
   * @param deadline - Aborted when the time for an orderly end is over.
   * @param limitMs - Time after which the host goes on without it.
   */
  async stop(deadline: AbortSignal, limitMs: number): Promise<void> {
    if (!this.#isInitialized) return;
    this.#scope?.beginStop();
    await this.#drain(limitMs * drainRatio);
    const options = { stage: () => 'stopAsync', limitMs, signal: undefined };
    await this.#attempt(options, async () => this.#instance?.stopAsync?.(deadline));
    if (!this.#life.isOver) this.#life.moveTo('stopped');
  }

  /** Closes what it opened. Never rejects: what does not close is logged. */
  async close(): Promise<void> {
    try {
      await this.#scope?.close();
    } catch (error) {
      const message = `plugin ${this.id} left something open`;
      this.#surroundings.logger.error({ plugin: this.id, error }, message);
    }
  }

  status(): PluginStatus {
    const { id, packageName, version, required, manifest } = this.plugin;
    const { state } = this.#life;
    const problem = this.#error && describeProblem(this.#error);
    return {
      id,
      packageName,
      version,
      state,
      required,
      sdkRange: manifest.sdk,
      dependencies: manifest.dependencies,
      commands: manifest.contributes.commands?.list.map(({ name }) => name) ?? [],
      problems: problem === undefined ? [] : [problem],
      ...(problem && { error: problem }),
      ...(state === 'running' && this.#instance && { health: healthOf(this.#instance) }),
      ...(this.#isInitialized && { startedInMs: Math.round(this.#spentMs) }),
    };
  }

  async #drain(limitMs: number): Promise<void> {
    try {
      const error = (): Error => timeoutFailure(this.id, 'answering requests', limitMs);
      const { clock } = this.#surroundings;
      await withTimeLimit(async () => this.#scope?.drain(), { limitMs, clock, error });
    } catch (error) {
      this.#surroundings.logger.warn({ plugin: this.id, error }, 'requests were cut off');
    }
  }

  /** Never rejects; resolves to how long it took. */
  async #attempt(attempt: Attempt, work: () => Promise<void>): Promise<number> {
    const { stage, limitMs, signal } = attempt;
    const { clock } = this.#surroundings;
    const beganMs = clock.monotonicMs();
    try {
      const error = (): Error => timeoutFailure(this.id, stage(), limitMs);
      await withTimeLimit(work, { limitMs, clock, error, signal });
    } catch (error) {
      const isGivenUp = signal?.aborted === true && error === signal.reason;
      this.fail(
        isGivenUp ? stoppedFailure(this.id, stage()) : pluginFailure(this.id, stage(), error),
      );
    }
    return clock.monotonicMs() - beganMs;
  }
}
