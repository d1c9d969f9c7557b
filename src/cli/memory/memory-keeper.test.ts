// Checks when a process gives memory back, in virtual time.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MemoryKeeper } from './memory-keeper.js';

const lookMs = 5_000;

/** A process of so many live megabytes, and of garbage that shrinking frees. */
class Process {
  liveMB = 160;
  garbageMB = 0;
  readonly shrunkAtMs: number[] = [];
  #nowMs = 0;
  readonly #keeper = new MemoryKeeper({
    residentBytes: () => 1e6 * this.residentMB,
    shrink: async () => {
      this.shrunkAtMs.push(this.#nowMs);
      this.garbageMB = 0;
    },
  });

  get residentMB(): number {
    return this.liveMB + this.garbageMB;
  }

  async look(times = 1): Promise<void> {
    for (let index = 0; index < times; index++) {
      await this.#keeper.look(this.#nowMs);
      this.#nowMs += lookMs;
    }
  }
}

describe('the memory of a process', () => {
  it('is given back within half a minute of a storm', async () => {
    const process = new Process();
    for (let minute = 0; minute < 3; minute++) {
      process.garbageMB = 700;
      await process.look(6);
      assert.equal(process.residentMB, 160, `storm ${minute}`);
    }
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

  it('is looked through more and more rarely where it is in use', async () => {
    const process = new Process();
    process.liveMB = 1000;
    const hours = 10;
    await process.look((hours * 3_600_000) / lookMs);
    const { length } = process.shrunkAtMs;
    assert.ok(length <= 6 * hours + 8, `${length} collections in ${hours} hours`);
    process.liveMB = 160;
    process.garbageMB = 840;
    await process.look(600_000 / lookMs);
    assert.equal(process.residentMB, 160);
  });
});
