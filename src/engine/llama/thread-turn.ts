// Lets the models of a process start their threads one after another: what one has found free,
// another must not take before the first has used it. Shared memory between their threads.

const [free, taken] = [0, 1];

/** Of the process: models are loaded side by side. */
export const threadTurn = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);

/** Waits for the turn, which blocks the calling thread, and runs something in it. */
export function inThreadTurn<T>(memory: SharedArrayBuffer, run: () => T): T {
  const turn = new Int32Array(memory);
  while (Atomics.compareExchange(turn, 0, free, taken) !== free) Atomics.wait(turn, 0, taken);
  try {
    return run();
  } finally {
    Atomics.store(turn, 0, free);
    Atomics.notify(turn, 0, 1);
  }
}
