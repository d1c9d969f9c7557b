// Checks that the times in verdicts and greetings tell of the usual pass, and nothing of a single
// one, whatever prompts of other keys are in it.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { unlimited } from '../../base/key-grant.js';
import { Harness, hello, openFrame, verdicts } from './core-harness.suite.js';
import { coarse, ToldTimes } from './told-times.js';

const passOf = (told: ToldTimes): number => told.of({ queueMs: 0, passMs: 1 }).passMs;

describe('a coarse time', () => {
  it('is at most a fifth shorter, and never longer', () => {
    for (let ms = 0.01; ms < 1e5; ms *= 1.03) {
      assert.ok(coarse(ms) <= ms && coarse(ms) > 0.84 * ms, `${ms} ms`);
    }
    assert.equal(coarse(0), 0);
  });

  it('is the same for passes that differ by a few tokens of another key', () => {
    assert.equal(coarse(10), coarse(11));
  });
});

describe('the pass time that is told', () => {
  it('says nothing of four of nine passes, however long they were', () => {
    const told = new ToldTimes();
    for (let pass = 0; pass < 5; pass++) told.addPass(10);
    for (let pass = 0; pass < 4; pass++) {
      told.addPass(1000);
      assert.equal(passOf(told), coarse(10));
    }
    told.addPass(1000);
    assert.equal(passOf(told), coarse(1000), 'the fifth is what is usual now');
  });

  it('is that of a short pass where only the first held a prompt', () => {
    const told = new ToldTimes();
    told.addPass(200);
    told.addPass(10);
    assert.equal(passOf(told), coarse(10));
  });

  it('is 0 for a verdict that no pass has made, as is a wait that was none', () => {
    const told = new ToldTimes();
    told.addPass(10);
    told.addQueue(10);
    assert.deepEqual(told.of({ queueMs: 0, passMs: 0 }), { queueMs: 0, passMs: 0 });
    assert.equal(told.of({ queueMs: 3, passMs: 1 }).queueMs, coarse(10));
  });
});

describe('a verdict beside the prompt of another key', () => {
  it('tells the same times as one beside none', () => {
    const timesBeside = (promptLength: number): number[] => {
      const harness = new Harness({
        model: { slotCount: 4, contextLength: 512 },
        ...{ passMs: 2, tokenMs: 1 },
      });
      harness.connect(1, hello, { id: 'own', limits: unlimited });
      harness.connect(2, hello, { id: 'other', limits: unlimited });
      harness.send(1, openFrame({ session: 0, mode: 'stream', tokensMax: 40 }));
      for (let pass = 0; pass < 12; pass++) harness.settle(1);
      if (promptLength > 0) {
        const ids = Int32Array.from({ length: promptLength }, (_, at) => 1 + (at % 7));
        harness.send(2, openFrame({ session: 0, prompt: { kind: 'ids', ids }, tokensMax: 1 }));
      }
      harness.settle();
      return verdicts(harness.take(1)).map(({ verifyUs }) => verifyUs);
    };
    assert.deepEqual(timesBeside(200), timesBeside(0));
  });
});
