// Asks a thread that computes ahead for its next pass, and tells it when its owner has handled what
// it sent: shared memory, read between two passes, so that a token of a plain stream costs no
// message to the thread.

/** Run, step and whether it goes on, in one number: half of it would belong to another question. */
const pack = (run: number, step: number, continues: boolean): bigint =>
  (BigInt(run) << 32n) | BigInt(step * 2 + (continues ? 1 : 0));

export class AskFlags {
  readonly memory: SharedArrayBuffer;
  readonly #question: BigInt64Array;
  readonly #parked: Int32Array;
  readonly #handled: Int32Array;

  /** @param memory of the other thread's instance; none makes a new one. */
  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(16)) {
    this.memory = memory;
    this.#question = new BigInt64Array(memory, 0, 1);
    this.#parked = new Int32Array(memory, 8, 1);
    this.#handled = new Int32Array(memory, 12, 1);
  }

  /**
   * Asks for a step of a run; steps are asked for in order.
   *
   * @param run below 2^31. @param step below 2^30.
   * @param continues whether the step after it may be computed too.
   * @returns whether the thread has to be woken by a message.
   */
  ask(run: number, step: number, continues: boolean): boolean {
    Atomics.store(this.#question, 0, pack(run, step, continues));
    return Atomics.exchange(this.#parked, 0, 0) === 1;
  }

  /** Null: the owner has not asked for the step. Else whether it goes on after it. */
  asked(run: number, step: number): { readonly continues: boolean } | null {
    const question = Atomics.load(this.#question, 0);
    const least = pack(run, step, false);
    if (question >> 32n !== BigInt(run) || question < least) return null;
    return { continues: question !== least };
  }

  /** The thread goes back to its messages; who asks from now on wakes it. */
  park(): void {
    Atomics.store(this.#parked, 0, 1);
  }

  unpark(): void {
    Atomics.store(this.#parked, 0, 0);
  }

  /** Turns of the owner's loop that have handled messages of the thread. */
  get handledCount(): number {
    return Atomics.load(this.#handled, 0);
  }

  /** The owner has handled messages, and what followed from them. */
  handled(): void {
    Atomics.add(this.#handled, 0, 1);
    Atomics.notify(this.#handled, 0);
  }

  /** Blocks until the owner has handled messages. @param count from before they were sent. */
  awaitHandled(count: number, msMax: number): void {
    Atomics.wait(this.#handled, 0, count, msMax);
  }
}
