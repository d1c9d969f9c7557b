// Gives memory back after a storm. By itself V8 collects no garbage while a server is idle, and
// glibc keeps what was freed: a process would stay at the size of its worst minute.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** A process as the keeper sees it. */
export interface KeptProcess {
  /** Resident bytes. */
  residentBytes(): number;
  /** Bytes of V8's heaps and of the buffers outside them, garbage included. */
  heldBytes(): number;
  /** Processor time so far, milliseconds. */
  processorMs(): number;
  /** Gives free memory back to the system. @param collects garbage before. */
  shrink(collects: boolean): Promise<void>;
}

/** How often it looks. */
const lookMs = 5_000;
/** Beyond an earlier size, by this factor, something may be given back. */
const grownBy = 1.2;
/** Between two looks: what grows more is still in use. */
const growingBy = 1.05;
/** What V8 holds, by this factor more than once: it has not collected by itself what grew. */
const heldGrownBy = 1.5;
/** Least pause behind a collection, which stops the event loop for 10 to 60 ms. */
const pauseMsMin = 15_000;
/** Share of one core. */
const idleShare = 0.1;
/** Of the resident bytes: so much less held, and V8 has collected what glibc still keeps. */
const freedShare = 0.3;

/** What was seen at a look. */
interface Look {
  readonly atMs: number;
  readonly residentBytes: number;
  readonly processorMs: number;
}

/**
 * Decides when a process shrinks: when it has grown since the last time and grows no more; and
 * while it is larger than at first, when it comes to rest, or when V8 has freed much.
 */
export class MemoryKeeper {
  readonly #process: KeptProcess;
  #smallestBytes: number;
  /** Behind the last collection, or less since. */
  #settledBytes: number;
  /** The most and the least that was held since then. */
  #heldBytesMax: number;
  #heldBytesMin: number;
  #last: Look;
  #shrunkAtMs = -Infinity;
  /** Whether it has worked since the last collection at rest. */
  #hasWorked = true;

  /** @param kept as it is before it has served anything. */
  constructor(kept: KeptProcess, nowMs: number) {
    this.#process = kept;
    this.#last = this.#lookAt(nowMs);
    this.#smallestBytes = this.#settledBytes = this.#last.residentBytes;
    this.#heldBytesMax = this.#heldBytesMin = kept.heldBytes();
  }

  /** @param nowMs of a steady clock; calls do not overlap. */
  async look(nowMs: number): Promise<void> {
    const [before, now] = [this.#last, this.#lookAt(nowMs)];
    this.#last = now;
    const isIdle = now.processorMs - before.processorMs < idleShare * (now.atMs - before.atMs);
    this.#hasWorked ||= !isIdle;
    this.#note(now.residentBytes);
    const isGrowing = now.residentBytes > growingBy * before.residentBytes;
    if (isGrowing || !this.#isDue(now, isIdle)) return;
    if (isIdle) this.#hasWorked = false;
    this.#shrunkAtMs = nowMs;
    // What threads of their own hold, and what glibc keeps, no collection here gives back.
    await this.#process.shrink(isIdle || this.#hasGrownHeld());
    this.#last = this.#lookAt(nowMs);
    this.#heldBytesMax = this.#heldBytesMin = this.#process.heldBytes();
    this.#settledBytes = this.#last.residentBytes;
    this.#note(this.#settledBytes);
  }

  #isDue({ atMs, residentBytes }: Look, isIdle: boolean): boolean {
    const heldBytes = this.#process.heldBytes();
    const hasFreed = heldBytes < this.#heldBytesMax - freedShare * residentBytes;
    this.#heldBytesMax = Math.max(this.#heldBytesMax, heldBytes);
    this.#heldBytesMin = Math.min(this.#heldBytesMin, heldBytes);
    if (atMs - this.#shrunkAtMs < pauseMsMin) return false;
    if (residentBytes > grownBy * this.#settledBytes) return true;
    if (residentBytes <= grownBy * this.#smallestBytes) return false;
    return hasFreed || (isIdle && this.#hasWorked);
  }

  #hasGrownHeld(): boolean {
    return this.#process.heldBytes() > heldGrownBy * this.#heldBytesMin;
  }

  #lookAt(atMs: number): Look {
    const [residentBytes, processorMs] = [
      this.#process.residentBytes(),
      this.#process.processorMs(),
    ];
    return { atMs, residentBytes, processorMs };
  }

  #note(bytes: number): void {
    this.#settledBytes = Math.min(this.#settledBytes, bytes);
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
  const kept: KeptProcess = {
    residentBytes: () => process.memoryUsage.rss(),
    heldBytes: () => {
      const { heapTotal, external } = process.memoryUsage();
      return heapTotal + external;
    },
    processorMs: () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1000;
    },
    shrink: async (collects) => {
      collect ??= collector();
      // What native objects held falls with the second collection only: 335 MiB of 928, then 135.
      for (let round = 0; collects && round < 2; round++) {
        collect();
        // The memory of a buffer is freed in the turn after its collection.
        await new Promise((resolve) => setImmediate(resolve));
      }
      const { giveFreeMemoryBack } = await import('../../engine/llama/ffi/free-memory.js');
      await giveFreeMemoryBack();
    },
  };
  const keeper = new MemoryKeeper(kept, performance.now());
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
