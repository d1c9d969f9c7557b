// Checks that sockets within their allowance are read at once, and that those beyond share little
// time: key by key, and never all of it.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type PacedAccount, type PacerClock, ReadPacer } from './read-pacer.js';

/** Time that passes when it is told to. */
class Clock implements PacerClock {
  nowMs = 0;
  readonly #timers: { atMs: number; run: () => void }[] = [];

  now(): number {
    return this.nowMs;
  }

  later(run: () => void, ms: number): void {
    this.#timers.push({ atMs: this.nowMs + Math.max(0, ms), run });
  }

  async until(ms: number): Promise<void> {
    for (;;) {
      await nextTurn();
      this.#timers.sort((left, right) => left.atMs - right.atMs);
      if (this.#timers.length === 0 || this.#timers[0]!.atMs > ms) break;
      const { atMs, run } = this.#timers.shift()!;
      this.nowMs = Math.max(this.nowMs, atMs);
      run();
    }
    this.nowMs = ms;
  }
}

/** A peer that sends without end. Each unit takes the loop a hundredth of a millisecond. */
class Flooder {
  units = 0;
  readonly #account: PacedAccount;
  readonly #clock: Clock;

  constructor(account: PacedAccount, clock: Clock) {
    this.#account = account;
    this.#clock = clock;
  }

  send(): void {
    while (this.#account.units > 0) {
      this.#account.spend(1);
      this.units++;
      this.#clock.nowMs += 0.01;
    }
    this.#account.wait({ serve: () => this.send() });
  }
}

function floods(pacer: ReadPacer, clock: Clock, key: string, count: number): Flooder[] {
  return Array.from({ length: count }, () => {
    const flooder = new Flooder(pacer.open('key', key), clock);
    flooder.send();
    return flooder;
  });
}

const sum = (all: readonly Flooder[]): number => all.reduce((units, one) => units + one.units, 0);

describe('the pacer of sockets', () => {
  it('reads at once what an allowance holds, again and again', () => {
    const clock = new Clock();
    const account = new ReadPacer(clock).open('key', 'a');
    for (let second = 0; second < 10; second++) {
      for (let frame = 0; frame < 100; frame++) {
        assert.ok(account.units > 0);
        account.spend(1);
      }
      clock.nowMs += 1_000;
    }
  });

  it('leaves a flood a small share of the time, and an honest key all that it needs', async () => {
    const clock = new Clock();
    const pacer = new ReadPacer(clock);
    const evil = floods(pacer, clock, 'evil', 16);
    const honest = pacer.open('key', 'honest');
    for (let ms = 10; ms <= 1_000; ms += 10) {
      await clock.until(ms);
      assert.ok(honest.units > 0, 'the honest key never waits');
      honest.spend(1);
    }
    // Burst and rate of its lane, and a tenth of the time at a hundredth of a millisecond each.
    assert.ok(sum(evil) < 256 + 4_000 + 1_000 * 0.11 * 100, `${sum(evil)} units in a second`);
    assert.ok(sum(evil) > 5_000, 'it is not starved either');
  });

  it('leaves as little time to frames whose work is done after their turn', async () => {
    const clock = new Clock();
    const account = new ReadPacer(clock).open('key', 'evil');
    let units = 0;
    const send = (): void => {
      // Read together, as far as what they cost to read allows.
      const frames = Math.ceil(account.units);
      for (const cost of [frames, ...Array.from({ length: frames }, () => 40)]) {
        account.spend(cost);
        units += cost;
      }
      account.wait({ serve: send });
    };
    send();
    await clock.until(1_000);
    const [firstRead, tenth, turn] = [128 * 41, 1_000 * 0.11 * 100, 8 * 41];
    assert.ok(units < firstRead + tenth + turn, `${units} units in a second`);
    assert.ok(units > 5_000, `${units} units in a second`);
  });

  it('gives a key with sixteen connections as much as one with one', async () => {
    const clock = new Clock();
    const pacer = new ReadPacer(clock);
    const many = floods(pacer, clock, 'many', 16);
    const [one] = floods(pacer, clock, 'one', 1);
    await clock.until(100);
    const before = [sum(many), one!.units];
    await clock.until(2_000);
    const [ofMany, ofOne] = [sum(many) - before[0]!, one!.units - before[1]!];
    assert.ok(Math.abs(ofMany - ofOne) <= 0.05 * ofOne, `${ofMany} and ${ofOne}`);
    const shares = many.map(({ units }) => units);
    assert.ok(Math.max(...shares) - Math.min(...shares) <= 256 + 16, 'its connections take turns');
  });

  it('remembers what a key has used when its connections are new, and forgets it in time', async () => {
    const clock = new Clock();
    const pacer = new ReadPacer(clock);
    const first = pacer.open('key', 'a');
    while (first.units > 0) first.spend(1);
    first.close();
    const second = pacer.open('key', 'a');
    while (second.units > 0) second.spend(1);
    const third = pacer.open('key', 'a');
    assert.ok(third.units <= 0, 'a burst belongs to the key');
    for (const account of [second, third]) account.close();
    clock.nowMs += 10_000;
    for (let count = 0; count < 10_000; count++) pacer.open('address', `${count}`).close();
    assert.ok(pacer.laneCount <= 128, `${pacer.laneCount} lanes`);
  });

  it('serves no connection that is gone', async () => {
    const clock = new Clock();
    const pacer = new ReadPacer(clock);
    const account = pacer.open('key', 'a');
    account.wait({ serve: () => assert.fail('it is gone') });
    account.close();
    await clock.until(100);
  });
});
