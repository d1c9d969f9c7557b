// Checks when a process gives memory back, in virtual time.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MemoryKeeper } from './memory-keeper.js';

const lookMs = 5_000;

/** A process with live megabytes, garbage, and what the allocator keeps though it is free. */
class Process {
  liveMB = 160;
  garbageMB = 0;
  keptMB = 0;
  /** Share of one core that it takes. */
  load = 0;
  readonly shrunkAtMs: number[] = [];
  readonly collectedAtMs: number[] = [];
  #nowMs = 0;
  #processorMs = 0;
  readonly #keeper = new MemoryKeeper(
    {
      residentBytes: () => 1e6 * this.residentMB,
      heldBytes: () => 1e6 * (this.liveMB + this.garbageMB),
      processorMs: () => this.#processorMs,
      shrink: async (collects) => {
        this.shrunkAtMs.push(this.#nowMs);
        this.keptMB = 0;
        if (!collects) return;
        this.collectedAtMs.push(this.#nowMs);
        this.garbageMB = 0;
      },
    },
    0,
  );

  get residentMB(): number {
    return this.liveMB + this.garbageMB + this.keptMB;
  }

  async look(times = 1): Promise<void> {
    for (let index = 0; index < times; index++) {
      this.#nowMs += lookMs;
      this.#processorMs += this.load * lookMs;
      await this.#keeper.look(this.#nowMs);
    }
  }
}

const minute = 60_000 / lookMs;

describe('the memory of a process', () => {
  for (const load of [0, 0.9]) {
    it(`is given back within half a minute of a storm, beside a load of ${load}`, async () => {
      const process = new Process();
      process.load = load;
      for (let storm = 0; storm < 3; storm++) {
        process.garbageMB = 700;
        await process.look(minute / 2);
        assert.equal(process.residentMB, 160, `storm ${storm}`);
      }
    });
  }

  it('is given back behind a storm that has long held all of it', async () => {
    for (const isIdle of [true, false]) {
      const process = new Process();
      process.load = 0.9;
      process.liveMB = 1000;
      await process.look(20 * minute);
      process.liveMB = 160;
      // At rest nothing collects the garbage; under load V8 does, and glibc keeps the memory.
      if (isIdle) [process.load, process.garbageMB] = [0, 840];
      else process.keptMB = 840;
      await process.look(minute / 2);
      assert.equal(process.residentMB, 160, isIdle ? 'at rest' : 'under load');
    }
  });

  it('is not collected under load where others hold it, since that stops the event loop', async () => {
    const process = new Process();
    process.load = 0.9;
    await process.look(minute);
    for (let storm = 0; storm < 5; storm++) {
      process.keptMB = 700;
      process.garbageMB = 40;
      await process.look(minute);
      assert.equal(process.residentMB, 200);
    }
    assert.deepEqual(process.collectedAtMs, []);
    process.load = 0;
    await process.look(minute);
    assert.equal(process.residentMB, 160);
  });

  it('is left alone while it grows, and where it has not grown', async () => {
    const process = new Process();
    await process.look(100);
    for (let look = 0; look < 10; look++) {
      process.garbageMB = 1.2 * process.garbageMB + 20;
      await process.look();
    }
    assert.deepEqual(process.shrunkAtMs, []);
  });

  it('is not looked through again and again where it is in use, at work or at rest', async () => {
    for (const load of [0, 0.9]) {
      const process = new Process();
      process.load = load;
      process.liveMB = 1000;
      await process.look(600 * minute);
      assert.ok(process.shrunkAtMs.length <= 2, `${process.shrunkAtMs.length} collections`);
    }
  });
});
