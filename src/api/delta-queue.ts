// Connects a producer of deltas to the reader of a generation: the producer pushes and ends, the
// reader iterates. Every generator adapter uses it.

import { PilotfishError } from '../base/error.js';
import type { Delta, GenerationOutcome, GenerationResult, GenerationStream } from './generator.js';

export class DeltaQueue implements GenerationStream {
  readonly accepted: Promise<number>;
  readonly result: Promise<GenerationResult>;
  readonly #cancel: () => void;
  #waiting: Delta[] = [];
  #outcome: GenerationOutcome | null = null;
  #wakeReader: (() => void) | null = null;
  #accept: (promptCount: number) => void = () => undefined;
  #refuse: (error: PilotfishError) => void = () => undefined;
  #settle: (outcome: GenerationOutcome) => void = () => undefined;

  /** @param cancel called when the reader leaves before the end. */
  constructor(cancel: () => void) {
    this.#cancel = cancel;
    this.accepted = new Promise((resolve, reject) => {
      this.#accept = resolve;
      this.#refuse = reject;
    });
    this.result = new Promise((resolve, reject) => {
      this.#settle = (outcome) =>
        'error' in outcome ? reject(outcome.error) : resolve(outcome.result);
    });
    // A reader sees the error in its iteration, so these rejections are handled.
    this.accepted.catch(() => undefined);
    this.result.catch(() => undefined);
  }

  get isOver(): boolean {
    return this.#outcome !== null;
  }

  /** @param promptCount tokens of the prompt. */
  accept(promptCount: number): void {
    this.#accept(promptCount);
  }

  push(delta: Delta): void {
    if (this.#outcome !== null) return;
    this.#waiting.push(delta);
    this.#wakeReader?.();
  }

  /** Later calls do nothing. */
  end(outcome: GenerationOutcome): void {
    if (this.#outcome !== null) return;
    this.#outcome = outcome;
    if ('error' in outcome) this.#refuse(outcome.error);
    this.#settle(outcome);
    this.#wakeReader?.();
  }

  /** Ends as `cancelled` and drops unread deltas. */
  abort(): void {
    this.#waiting = [];
    this.end({ error: new PilotfishError('cancelled', 'stopped by the caller') });
  }

  /**
   * Written by hand: an async generator costs several extra turns of the microtask queue for each
   * read.
   */
  [Symbol.asyncIterator](): AsyncIterator<readonly Delta[]> {
    return {
      next: () => this.#read(),
      return: () => {
        if (this.#outcome === null) this.#cancel();
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }

  #read(): Promise<IteratorResult<readonly Delta[]>> {
    if (this.#waiting.length > 0) {
      const value = this.#waiting;
      this.#waiting = [];
      return Promise.resolve({ done: false, value });
    }
    if (this.#outcome === null) return this.#nextPush().then(() => this.#read());
    if ('error' in this.#outcome) return Promise.reject(this.#outcome.error);
    return Promise.resolve({ done: true, value: undefined });
  }

  #nextPush(): Promise<void> {
    return new Promise((resolve) => {
      this.#wakeReader = () => {
        this.#wakeReader = null;
        // After what comes in the same turn: tokens of fast passes come in groups, for one chunk.
        process.nextTick(resolve);
      };
    });
  }
}
