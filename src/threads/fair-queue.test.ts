// Tests that a key with expensive tasks delays no other, and takes no more than its share for long.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PilotfishError } from '../base/error.js';
import { FairQueue } from './fair-queue.js';

/** A queue in virtual time. Tasks take as long as they say. */
class Bench {
  nowMs = 0;
  readonly queue: FairQueue;
  readonly done: { readonly key: string; readonly atMs: number }[] = [];
  readonly #timers: { readonly atMs: number; readonly then: () => void }[] = [];
  runningCount = 0;
  runningMost = 0;

  constructor(share = 0.25, runnersMax = 1) {
    this.queue = new FairQueue({
      ...{ runnersMax, waitingMax: 64, burstMs: 1000, share },
      now: () => this.nowMs,
      wait: (ms, then) => this.#after(ms, then),
    });
  }

  #after(ms: number, then: () => void): void {
    this.#timers.push({ atMs: this.nowMs + ms, then });
  }

  ask(key: string, ms: number, fails = false): Promise<void> {
    return this.queue.run(key, async () => {
      this.runningMost = Math.max(this.runningMost, ++this.runningCount);
      await new Promise<void>((resolve) => this.#after(ms, resolve));
      this.runningCount--;
      this.done.push({ key, atMs: this.nowMs });
      if (fails) throw new Error('the task has failed');
    });
  }

  async until(endMs: number): Promise<void> {
    for (;;) {
      // All that promises lead to at this time.
      for (let turn = 0; turn < 20; turn++) await null;
      this.#timers.sort((a, b) => a.atMs - b.atMs);
      if (this.#timers.length === 0 || this.#timers[0]!.atMs > endMs) break;
      const { atMs, then } = this.#timers.shift()!;
      this.nowMs = atMs;
      then();
    }
    this.nowMs = endMs;
  }

  countOf(key: string): number {
    return this.done.filter((one) => one.key === key).length;
  }
}

describe('a fair queue', () => {
  it('serves a key after at most one task of another, however many wait', async () => {
    const bench = new Bench();
    for (let count = 0; count < 50; count++) void bench.ask('evil', 300);
    await bench.until(100);
    void bench.ask('honest', 5);
    await bench.until(400);
    assert.deepEqual(bench.done.at(-1), { key: 'honest', atMs: 305 });
  });

  it('lets a key take its burst at once, and its share for long', async () => {
    const bench = new Bench();
    for (let count = 0; count < 60; count++) void bench.ask('evil', 100);
    await bench.until(1000);
    assert.equal(bench.countOf('evil'), 10);
    await bench.until(11_000);
    // A quarter of ten seconds, and what the first second has earned.
    assert.ok(bench.countOf('evil') <= 10 + 27, `${bench.countOf('evil')}`);
    assert.ok(bench.countOf('evil') >= 10 + 20, `${bench.countOf('evil')}`);
  });

  it('runs one task of a key at a time, and others beside it', async () => {
    const bench = new Bench(1, 2);
    for (const key of ['a', 'a', 'a', 'b']) void bench.ask(key, 10);
    await bench.until(15);
    assert.deepEqual(
      bench.done.map(({ key }) => key),
      ['a', 'b'],
    );
    assert.equal(bench.runningMost, 2);
    await bench.until(100);
    assert.equal(bench.done.length, 4);
  });

  it('charges a task that fails, refuses what is too much, and forgets keys at rest', async () => {
    const bench = new Bench();
    const failing = assert.rejects(bench.ask('evil', 2000, true), /the task has failed/);
    const rest = Array.from({ length: 64 }, () => bench.ask('evil', 1));
    await assert.rejects(
      bench.ask('evil', 1),
      (error) => error instanceof PilotfishError && error.code === 'server-busy',
    );
    await bench.until(2000);
    await failing;
    assert.equal(bench.countOf('evil'), 1);
    await bench.until(5900);
    assert.equal(bench.countOf('evil'), 1, 'a debt of one second takes four');
    await bench.until(100_000);
    await Promise.all(rest);
    void bench.ask('honest', 1);
    await bench.until(200_000);
    void bench.ask('honest', 1);
    assert.ok(bench.queue.keyCount <= 2, `${bench.queue.keyCount}`);
  });
});
