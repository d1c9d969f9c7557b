// Stop signals for drafts in a thread that is busy computing: shared memory, read between tokens.

/** Drafts that may wait or run at once before a flag is used again; far above what any caller queues. */
const flagCount = 64;

export class StopFlags {
  readonly memory: SharedArrayBuffer;
  /** Flag `id mod flagCount` holds the id of the draft that shall stop. */
  readonly #flags: Int32Array;

  /** @param memory of the other thread's instance; none makes a new one. */
  constructor(memory?: SharedArrayBuffer) {
    this.memory = memory ?? new SharedArrayBuffer(flagCount * Int32Array.BYTES_PER_ELEMENT);
    this.#flags = new Int32Array(this.memory);
  }

  /** @param id of a request, > 0. */
  stop(id: number): void {
    Atomics.store(this.#flags, id % flagCount, id | 0);
  }

  isStopped(id: number): boolean {
    return Atomics.load(this.#flags, id % flagCount) === (id | 0);
  }
}
