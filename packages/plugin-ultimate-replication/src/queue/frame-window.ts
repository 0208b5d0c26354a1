import { LinkedAbort } from '@datawarehouse/sdk';

/** A frame that was sent, and what became of it. */
export interface AnsweredFrame<TAnswer> {
  /** Sequence of its first entry. */
  readonly from: number;
  readonly eventCount: number;
  readonly answer: TAnswer;
}

interface SentFrame<TAnswer> {
  readonly from: number;
  readonly eventCount: number;
  readonly answered: Promise<TAnswer>;
}

/** The frames that one replica has yet to answer, in the order of their sequences. */
export class FrameWindow<TAnswer> {
  readonly #frames: SentFrame<TAnswer>[] = [];
  readonly #stopping: AbortSignal;
  #calling: LinkedAbort | undefined;

  /** @param stopping - Gives up every call. */
  constructor(stopping: AbortSignal) {
    this.#stopping = stopping;
  }

  get frameCount(): number {
    return this.#frames.length;
  }

  /** Sends a frame behind the others. */
  send(
    frame: { readonly from: number; readonly eventCount: number },
    call: (signal: AbortSignal) => Promise<TAnswer>,
  ): void {
    this.#calling ??= new LinkedAbort(this.#stopping);
    const answered = call(this.#calling.signal);
    // It is asked for later, after those before it.
    answered.catch(() => undefined);
    this.#frames.push({ ...frame, answered });
  }

  /** Resolves when the first frame is answered or has failed, whichever it is. */
  async settled(): Promise<void> {
    await this.#frames[0]?.answered.catch(() => undefined);
  }

  /** Takes the first frame out when it is answered. Rejects as its call did. */
  async takeFirst(): Promise<AnsweredFrame<TAnswer> | undefined> {
    const [first] = this.#frames;
    if (first === undefined) return undefined;
    const answer = await first.answered;
    this.#frames.shift();
    this.#letGo();
    return { from: first.from, eventCount: first.eventCount, answer };
  }

  /** Gives up the calls under way; each frame fails. */
  abort(): void {
    this.#calling?.abort();
  }

  /** Gives up all frames, and resolves when no call is under way any more. */
  async clear(): Promise<void> {
    this.abort();
    await Promise.allSettled(this.#frames.map(({ answered }) => answered));
    this.#frames.length = 0;
    this.#letGo();
  }

  #letGo(): void {
    if (this.#frames.length > 0) return;
    this.#calling?.[Symbol.dispose]();
    this.#calling = undefined;
  }
}
