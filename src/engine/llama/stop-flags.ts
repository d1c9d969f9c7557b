// Stop signals for drafts in a thread that is busy computing: shared memory, read between tokens.

/**
 * Stops that may be outstanding before a flag is used again; far above the drafts that any caller
 * queues.
 */
const flagCount = 64;
/** Of the flag behind them, which stops every draft. */
const everyDraft = 1;

export class StopFlags {
  readonly memory: SharedArrayBuffer;
  /** Flag `id mod flagCount` holds the id of the draft that shall stop. */
  readonly #flags: Int32Array;

  /** @param memory of the other thread's instance; none makes a new one. */
  constructor(memory?: SharedArrayBuffer) {
    this.memory = memory ?? new SharedArrayBuffer((flagCount + 1) * Int32Array.BYTES_PER_ELEMENT);
    this.#flags = new Int32Array(this.memory);
  }

  /** @param id of a request, > 0. */
  stop(id: number): void {
    Atomics.store(this.#flags, id % flagCount, id | 0);
  }

  /** Also drafts that are asked for later: the engine closes. */
  stopAll(): void {
    Atomics.store(this.#flags, flagCount, everyDraft);
  }

  isStopped(id: number): boolean {
    return (
      Atomics.load(this.#flags, id % flagCount) === (id | 0) ||
      Atomics.load(this.#flags, flagCount) === everyDraft
    );
  }
}
