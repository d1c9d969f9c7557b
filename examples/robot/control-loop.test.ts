// Checks what the control loop promises: motors that never wait, answers that are about where their
// picture was taken, and an end to every request.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ControlLoop, type LoopEffect, loopDefaults, type Senses, tickMs } from './control-loop.js';

const clear: Senses = { isClear: true, isStuck: false };
const { stepTicks, deadlineMs, maxAgeMs, coastSteps } = loopDefaults;

/** A loop with a clock. */
class Bench {
  readonly loop = new ControlLoop();
  nowMs = 0;
  readonly effects: LoopEffect[] = [];

  run(ticks: number, senses = clear): LoopEffect[] {
    const from = this.effects.length;
    for (let tick = 0; tick < ticks; tick++) {
      this.effects.push(...this.loop.tick(this.nowMs, senses));
      this.nowMs += tickMs;
    }
    return this.effects.slice(from);
  }

  /** Until so much time has gone by. */
  runMs(ms: number, senses = clear): LoopEffect[] {
    return this.run(ms / tickMs, senses);
  }

  answer(turn: number, forward: number, stop = false): void {
    this.loop.answered(this.lastAsked, { turn, forward, stop }, this.nowMs);
  }

  get lastAsked(): number {
    return this.effects.findLast(({ kind }) => kind === 'ask')!['request' as never];
  }
}

const stepsIn = (effects: readonly LoopEffect[]): string[] =>
  effects.flatMap((effect) => (effect.kind === 'step' ? [effect.step] : []));
const countOf = (effects: readonly LoopEffect[], kind: LoopEffect['kind']): number =>
  effects.filter((effect) => effect.kind === kind).length;

describe('the control loop', () => {
  it('asks at once, and stands still until it knows anything', () => {
    const bench = new Bench();
    assert.equal(bench.run(1)[0]?.kind, 'ask');
    const effects = bench.runMs(deadlineMs);
    assert.deepEqual(stepsIn(effects), []);
    assert.equal(bench.loop.counts.missed, 1);
  });

  it('turns first and then drives, a step in five ticks', () => {
    const bench = new Bench();
    bench.run(1);
    bench.answer(-20, 100);
    assert.deepEqual(stepsIn(bench.run(4 * stepTicks)), ['right', 'right', 'ahead', 'ahead']);
    assert.equal(bench.loop.counts.acted, 1);
  });

  it('asks for the next action while it still has steps to do', () => {
    const bench = new Bench();
    bench.run(1);
    bench.answer(0, 400);
    assert.equal(countOf(bench.run(3 * stepTicks), 'ask'), 0);
    assert.equal(countOf(bench.run(stepTicks + 1), 'ask'), 1);
    assert.deepEqual(stepsIn(bench.run(4 * stepTicks)).length, 4, 'it drives on meanwhile');
  });

  it('takes off an action what it has done since the picture', () => {
    const bench = new Bench();
    bench.run(1);
    bench.answer(0, 200);
    bench.run(1);
    assert.equal(countOf(bench.effects, 'ask'), 2, 'asked with four steps left');
    bench.run(2 * stepTicks);
    // Two steps ahead were done since: of three, one is left.
    bench.answer(10, 150);
    assert.deepEqual(stepsIn(bench.run(6 * stepTicks)).slice(0, 2), ['left', 'ahead']);
    assert.equal(stepsIn(bench.effects).length, 4);
  });

  it('goes on for a little with the last safe action after a miss, where the way is free', () => {
    for (const [isClear, steps] of [
      [true, coastSteps],
      [false, 0],
    ] as const) {
      const bench = new Bench();
      bench.run(1);
      bench.answer(0, 50);
      bench.run(stepTicks);
      const effects = bench.runMs(maxAgeMs - 200, { isClear, isStuck: false });
      assert.equal(stepsIn(effects).length, steps);
      assert.equal(bench.loop.counts.coasted, steps);
    }
  });

  it('gives a request up once its picture is too old, and asks about a new one', () => {
    const bench = new Bench();
    bench.run(1);
    const first = bench.lastAsked;
    const effects = bench.runMs(maxAgeMs + 2 * tickMs);
    assert.deepEqual(
      effects.map(({ kind }) => kind),
      ['cancel', 'ask'],
    );
    bench.loop.answered(first, { turn: 10, forward: 0, stop: false }, bench.nowMs);
    assert.deepEqual(stepsIn(bench.run(stepTicks)), [], 'an answer to it changes nothing');
  });

  it('gives a request up once the robot is elsewhere', () => {
    const bench = new Bench();
    bench.run(1);
    bench.answer(0, 400);
    const effects = bench.run(6 * stepTicks, { isClear: true, isStuck: false });
    assert.equal(countOf(effects, 'cancel'), 0);
    // Stuck: away from here, to a place that no picture shows yet.
    assert.equal(countOf(bench.run(1, { isClear: false, isStuck: true }), 'cancel'), 1);
    assert.equal(countOf(bench.run(stepTicks), 'ask'), 0, 'not before it is away');
    assert.equal(bench.loop.counts.escaped, 1);
  });

  it('ends after stops in a row, on different pictures', () => {
    const bench = new Bench();
    bench.run(1);
    bench.answer(0, 0, true);
    assert.ok(!bench.loop.isOver);
    assert.deepEqual(stepsIn(bench.run(stepTicks)), ['left'], 'to see another picture');
    bench.answer(0, 50);
    bench.run(stepTicks);
    bench.answer(0, 0, true);
    assert.ok(!bench.loop.isOver, 'not in a row');
    bench.run(stepTicks + 1);
    bench.answer(0, 0, true);
    assert.ok(bench.loop.isOver);
    assert.deepEqual(bench.run(99), []);
  });

  it('pauses after a failed answer, and asks again', () => {
    const bench = new Bench();
    bench.run(1);
    bench.loop.answered(bench.lastAsked, null, bench.nowMs);
    assert.equal(countOf(bench.runMs(80), 'ask'), 0);
    assert.equal(countOf(bench.runMs(60), 'ask'), 1);
    assert.equal(bench.loop.counts.failed, 1);
  });

  it('leaves a circle straight ahead, as far as the way is free', () => {
    const bench = new Bench();
    bench.run(1);
    for (let turn = 0; turn < 8; turn++) {
      bench.answer(50, 0);
      bench.run(5 * stepTicks);
    }
    assert.deepEqual(new Set(stepsIn(bench.run(10 * stepTicks))), new Set(['ahead']));
    assert.deepEqual(stepsIn(bench.run(stepTicks, { isClear: false, isStuck: false })), []);
  });
});
