// Gives memory back after a storm. By itself V8 collects no garbage while a server is idle, and
// glibc keeps what was freed: a process would stay at the size of its worst minute.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** What the keeper does to a process. */
export interface KeptProcess {
  /** Resident bytes. */
  residentBytes(): number;
  /** Collects garbage and gives free memory back to the system. */
  shrink(): Promise<void>;
}

/** How often it looks. */
const lookMs = 5_000;
/** Beyond the smallest size seen, by this factor, something may be given back. */
const grownBy = 1.2;
/** Between two looks: what grows more is still in use. */
const growingBy = 1.05;
/** Least pause behind a collection, which stops the event loop for 10 to 60 ms. */
const pauseMsMin = 15_000;
const pauseMsMax = 600_000;
/** Less was not worth it, and the next pause is twice as long. */
const freedShareMin = 0.1;

/** Decides when a process shrinks: when it has grown, grows no more, and the last time helped. */
export class MemoryKeeper {
  readonly #process: KeptProcess;
  #smallestBytes: number;
  #lastBytes: number;
  #pauseMs = pauseMsMin;
  #nextMs = 0;

  /** @param kept as it is before it has served anything. */
  constructor(kept: KeptProcess) {
    this.#process = kept;
    this.#smallestBytes = this.#lastBytes = kept.residentBytes();
  }

  /** @param nowMs of a steady clock; calls do not overlap. */
  async look(nowMs: number): Promise<void> {
    const before = this.#process.residentBytes();
    const isGrowing = before > growingBy * this.#lastBytes;
    this.#note(before);
    if (isGrowing || before < grownBy * this.#smallestBytes || nowMs < this.#nextMs) return;
    await this.#process.shrink();
    const after = this.#process.residentBytes();
    this.#note(after);
    const hasHelped = after < (1 - freedShareMin) * before;
    this.#pauseMs = hasHelped ? pauseMsMin : Math.min(pauseMsMax, 2 * this.#pauseMs);
    this.#nextMs = nowMs + this.#pauseMs;
  }

  #note(bytes: number): void {
    this.#lastBytes = bytes;
    this.#smallestBytes = Math.min(this.#smallestBytes, bytes);
  }
}

/** The garbage collector, which V8 shows only to those who ask. */
function collector(): () => void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  setFlagsFromString('--no-expose-gc');
  return collect;
}

/** Keeps this process small until it ends or the result is called. */
export function keepMemorySmall(): () => void {
  let collect: (() => void) | null = null;
  const keeper = new MemoryKeeper({
    residentBytes: () => process.memoryUsage.rss(),
    shrink: async () => {
      collect ??= collector();
      collect();
      // The memory of a buffer is freed in the turn after its collection.
      await new Promise((resolve) => setImmediate(resolve));
      const { giveFreeMemoryBack } = await import('../../engine/llama/ffi/free-memory.js');
      await giveFreeMemoryBack();
    },
  });
  let isLooking = false;
  const timer = setInterval(() => {
    if (isLooking) return;
    isLooking = true;
    void keeper.look(performance.now()).finally(() => {
      isLooking = false;
    });
  }, lookMs);
  timer.unref();
  return () => clearInterval(timer);
}
