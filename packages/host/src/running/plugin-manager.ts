import type { PluginEntry } from '../configuration/host-configuration.js';
import { hostError } from '../errors/host-errors.js';
import { discoverPlugins } from '../loading/discover-plugins.js';
import type { PluginRefusal } from '../loading/discovered-plugin.js';
import { dependencyFailedError, planPlugins } from '../loading/plan-plugins.js';
import { logPluginError } from './plugin-failure.js';
import { describeProblem, type PluginStatus } from './plugin-status.js';
import type { PluginSurroundings } from './plugin-surroundings.js';
import { RunningPlugin } from './running-plugin.js';

/** Least time that a plugin gets to stop, however little is left for all. */
const leastStopMs = 1_000;

/** All plugins of a node, in order of dependency. One that fails takes only those that need it along. */
export class PluginManager {
  readonly #surroundings: PluginSurroundings;
  #plugins: readonly RunningPlugin[] = [];
  #refused: readonly PluginRefusal[] = [];

  constructor(surroundings: PluginSurroundings) {
    this.#surroundings = surroundings;
  }

  /**
   * Finds and checks the plugins, and tells everything that is wrong. Runs none of their code.
   *
   * @param from - Absolute folder that names are resolved from.
   * @throws DwError What is wrong with a required plugin, or `DW_HOST_REQUIRED_PLUGIN` for several things.
   */
  async load(entries: readonly PluginEntry[], from: string): Promise<void> {
    const { logger } = this.#surroundings;
    const plan = await planPlugins(await discoverPlugins(entries, { from }));
    this.#refused = plan.refused;
    this.#plugins = plan.ordered.map((plugin) => new RunningPlugin(plugin, this.#surroundings));
    for (const { id, errors } of plan.refused) {
      for (const error of errors) logPluginError(logger, id, error);
    }
    this.#assertRequired();
  }

  /** @throws DwError What is wrong with a required plugin, or `DW_HOST_REQUIRED_PLUGIN` for several things. */
  async initialize(): Promise<void> {
    for (const plugin of this.#plugins) {
      const broken = this.#brokenDependency(plugin);
      if (broken !== undefined) plugin.fail(dependencyFailedError(plugin.id, broken, 'failed'));
      else await plugin.initialize();
      if (!plugin.life.isAlive) await this.#abandon(plugin);
      this.#surroundings.signal?.throwIfAborted();
    }
    // Only now, so that whoever corrects a plugin learns of the others as well.
    this.#assertRequired();
  }

  /** @throws DwError What is wrong with a required plugin, or `DW_HOST_REQUIRED_PLUGIN` for several things. */
  async start(): Promise<void> {
    for (const plugin of this.#plugins) {
      if (plugin.life.state !== 'initialized') continue;
      await plugin.start();
      if (!plugin.life.isAlive) await this.#abandon(plugin);
      this.#surroundings.signal?.throwIfAborted();
      this.#assertRequired();
    }
  }

  /** Stops all in reverse order, within a time limit. Their scopes stay open until {@link close}. */
  async stop(graceMs: number): Promise<void> {
    const { clock } = this.#surroundings;
    const deadline = new AbortController();
    const endsAtMs = clock.monotonicMs() + graceMs;
    const timer = clock.setTimeout(() => {
      deadline.abort(hostError('DW_HOST_STOPPED'));
    }, graceMs);
    for (const plugin of [...this.#plugins].reverse()) {
      if (!plugin.life.isAlive) continue;
      const remainingMs = Math.max(leastStopMs, endsAtMs - clock.monotonicMs());
      await plugin.stop(deadline.signal, remainingMs);
    }
    timer[Symbol.dispose]();
  }

  /** Closes what the plugins opened, in reverse order. */
  async close(): Promise<void> {
    for (const plugin of [...this.#plugins].reverse()) await plugin.close();
  }

  statuses(): readonly PluginStatus[] {
    return [...this.#plugins.map((plugin) => plugin.status()), ...this.#refused.map(refusedStatus)];
  }

  /** Where the code of the plugins lies. */
  folders(): readonly { readonly id: string; readonly directory: string }[] {
    return this.#plugins.map(({ id, plugin }) => ({ id, directory: plugin.directory }));
  }

  /** Ends a failed plugin, those that need it first. */
  async #abandon(failed: RunningPlugin): Promise<void> {
    const { stopMs } = this.#surroundings.timeouts;
    for (const dependent of [...this.#plugins].reverse()) {
      if (!dependent.life.isAlive || !this.#needs(dependent, failed)) continue;
      dependent.fail(dependencyFailedError(dependent.id, failed.id, 'failed'));
      await this.#end(dependent, stopMs);
    }
    await this.#end(failed, stopMs);
  }

  async #end(plugin: RunningPlugin, stopMs: number): Promise<void> {
    await plugin.stop(AbortSignal.timeout(stopMs), stopMs);
    await plugin.close();
  }

  #needs(plugin: RunningPlugin, other: RunningPlugin): boolean {
    return plugin.plugin.manifest.dependencies.some((id) => {
      const dependency = this.#plugins.find((each) => each.id === id);
      return dependency === other || (dependency !== undefined && this.#needs(dependency, other));
    });
  }

  #brokenDependency(plugin: RunningPlugin): string | undefined {
    return plugin.plugin.manifest.dependencies.find((id) =>
      this.#plugins.some((each) => each.id === id && !each.life.isAlive),
    );
  }

  /** Throws the one error that keeps a required plugin away, or one that tells all. */
  #assertRequired(): void {
    const errors = [
      ...this.#refused.filter(({ required }) => required).flatMap((refusal) => refusal.errors),
      ...this.#plugins.filter(({ plugin }) => plugin.required).flatMap(({ error }) => error ?? []),
    ];
    const [first] = errors;
    if (first === undefined) return;
    if (errors.length === 1) throw first;
    throw hostError('DW_HOST_REQUIRED_PLUGIN', {
      message: `Required plugins did not start. ${errors.map(({ message }) => message).join('; ')}`,
      details: { problems: errors.map(describeProblem) },
    });
  }
}

function refusedStatus(refusal: PluginRefusal): PluginStatus {
  const { id, packageName, version, required, manifest, errors } = refusal;
  const problems = errors.map(describeProblem);
  const [error] = problems;
  return {
    id,
    packageName,
    state: 'refused',
    required,
    dependencies: manifest?.dependencies ?? [],
    commands: manifest?.contributes.commands?.list.map(({ name }) => name) ?? [],
    problems,
    ...(version !== undefined && { version }),
    ...(manifest && { sdkRange: manifest.sdk }),
    ...(error && { error }),
  };
}
