import type { Clock, ContentStore, Logger } from '@datawarehouse/sdk';
import { Wakeup } from '../queue/wakeup.js';

/** What a {@link ContentJanitor} works with. */
export interface ContentJanitorOptions {
  readonly content: ContentStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly intervalMs?: number;
  /** Lets go of what holds content and whose time is over. */
  readonly expire?: () => Promise<void>;
}

/** Removes content that no object refers to any more: at the start, and from time to time. */
export class ContentJanitor {
  readonly #options: ContentJanitorOptions;
  readonly #wakeup: Wakeup;
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;

  constructor(options: ContentJanitorOptions) {
    this.#options = options;
    this.#wakeup = new Wakeup(options.clock);
  }

  start(): void {
    this.#running ??= this.#run(this.#stopping.signal);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { content, logger, intervalMs = 600_000, expire } = this.#options;
    while (!signal.aborted) {
      try {
        await expire?.();
        const { removedChunks, removedBytes } = await content.clean();
        if (removedChunks > 0) logger.debug({ removedChunks, removedBytes }, 'content removed');
      } catch (error) {
        logger.warn({ error }, 'content could not be cleaned up; trying again later');
      }
      await this.#wakeup.sleep(intervalMs, signal);
    }
  }
}
