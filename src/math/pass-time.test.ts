// Tests that the line is found from passes alone, survives outliers and changes of the machine, and
// never predicts a negative time.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { noiseKey, uniform } from './noise.js';
import { type PassShape, PassTimeModel, passMsOf } from './pass-time.js';

const key = noiseKey(5n, 'target');
const draw = (index: number, what: number): number => uniform(key, index, what);

function shapeAt(index: number): PassShape {
  const tokenCount = 1 + Math.floor(draw(index, 0) * 128);
  const rowCount = Math.floor(draw(index, 1) * tokenCount);
  return { tokenCount, rowCount, tokenContext: tokenCount * Math.floor(draw(index, 2) * 2000) };
}

const truth =
  (fixed: number, token: number, row: number, context: number) =>
  ({ tokenCount, rowCount, tokenContext }: PassShape): number =>
    fixed + token * tokenCount + row * rowCount + context * tokenContext;

describe('pass time', () => {
  it('finds the line of noisy passes and says how well', () => {
    const model = new PassTimeModel();
    const time = truth(12, 0.4, 0.1, 2e-5);
    for (let index = 0; index < 800; index++) {
      const shape = shapeAt(index);
      model.learn(shape, time(shape) * (0.95 + 0.1 * draw(index, 3)));
    }
    for (let index = 1000; index < 1100; index++) {
      const shape = shapeAt(index);
      assert.ok(Math.abs(model.predict(shape) / time(shape) - 1) < 0.03);
    }
    assert.ok(model.error.share > 0.015 && model.error.share < 0.04, `${model.error.share}`);
    assert.equal(model.error.passCount, 800);
  });

  it('tells a single token from several before it has seen a few together', () => {
    // Milliseconds of a CPU: 14, 32, 37, 41, ..., 569 for 128.
    const time = ({ tokenCount }: PassShape): number =>
      tokenCount === 1 ? 14 : 27 + 4.2 * tokenCount;
    const model = new PassTimeModel();
    const shape = (tokenCount: number): PassShape => ({ tokenCount, rowCount: 1, tokenContext: 9 });
    for (const tokenCount of [24, 160, 8, 80]) {
      model.learn(shape(tokenCount), time(shape(tokenCount)));
      for (let token = 0; token < 32; token++) model.learn(shape(1), time(shape(1)));
    }
    for (const tokenCount of [1, 2, 5, 40]) {
      const ratio = model.predict(shape(tokenCount)) / time(shape(tokenCount));
      assert.ok(Math.abs(ratio - 1) < 0.1, `${tokenCount} tokens: ${ratio}`);
    }
  });

  it('is hardly moved by pauses of the machine', () => {
    const model = new PassTimeModel();
    const time = truth(10, 0.5, 0, 0);
    for (let index = 0; index < 600; index++) {
      const shape = shapeAt(index);
      model.learn(shape, time(shape) + (index % 40 === 39 ? 2000 : 0));
    }
    const shape = { tokenCount: 20, rowCount: 20, tokenContext: 4000 };
    assert.ok(Math.abs(model.predict(shape) / time(shape) - 1) < 0.25, `${model.predict(shape)}`);
  });

  it('goes by most passes where a third of them take half as long again', () => {
    const model = new PassTimeModel();
    const shape = { tokenCount: 4, rowCount: 4, tokenContext: 400 };
    for (let index = 0; index < 160; index++) model.learn(shape, index % 3 === 0 ? 15 : 10);
    assert.ok(Math.abs(model.predict(shape) / 10 - 1) < 0.03, `${model.predict(shape)}`);
  });

  it('goes by the newest passes where the machine has just become slower', () => {
    const model = new PassTimeModel();
    const shape = { tokenCount: 4, rowCount: 4, tokenContext: 400 };
    for (let index = 0; index < 416; index++) model.learn(shape, index < 256 ? 10 : 30);
    assert.ok(model.predict(shape) > 25, `${model.predict(shape)}`);
  });

  it('counts the first errors as a plain mean, each with the same weight', () => {
    const model = new PassTimeModel();
    const shape = { tokenCount: 1, rowCount: 1, tokenContext: 0 };
    let sumMs = 0;
    for (const [index, ms] of [10, 30, 20].entries()) {
      sumMs += Math.abs(ms - model.predict(shape));
      model.learn(shape, ms);
      assert.ok(Math.abs(model.error.absoluteMs - sumMs / (index + 1)) < 1e-9);
    }
  });

  it('knows something after one pass, and nothing before', () => {
    const model = new PassTimeModel();
    const shape = { tokenCount: 4, rowCount: 4, tokenContext: 400 };
    assert.equal(model.predict(shape), 0);
    assert.deepEqual(model.error, { passCount: 0, absoluteMs: 0, share: 0 });
    model.learn(shape, 10);
    assert.ok(Math.abs(model.predict(shape) - 10) < 0.1, `${model.predict(shape)}`);
  });

  it('adds the parts of a line', () => {
    const cost = { fixedMs: 7, tokenMs: 2, rowMs: 0.5, tokenContextMs: 0.25 };
    assert.equal(passMsOf(cost, { tokenCount: 3, rowCount: 4, tokenContext: 8 }), 7 + 6 + 2 + 2);
  });

  it('forgets a cold start', () => {
    const model = new PassTimeModel();
    for (let index = 0; index < 100; index++) {
      const ms = index === 0 ? 400 : 2 + 0.2 * draw(index, 3);
      model.learn({ tokenCount: 1 + (index % 5), rowCount: 1, tokenContext: 100 }, ms);
    }
    assert.ok(model.predict({ tokenCount: 3, rowCount: 1, tokenContext: 100 }) < 2.5);
  });

  for (const factor of [5, 1 / 5]) {
    const change = factor > 1 ? 'slower' : 'faster';

    it(`is right within 20 % eight passes after the machine has become five times ${change}`, () => {
      const truthful = truth(10, 0.5, 0.2, 1e-5);
      const decoding = (): PassShape => ({ tokenCount: 4, rowCount: 4, tokenContext: 1600 });
      for (const shapeOf of [decoding, shapeAt]) {
        const model = new PassTimeModel();
        const learn = (index: number, by: number): void => {
          const shape = shapeOf(index);
          model.learn(shape, by * truthful(shape) * (0.95 + 0.1 * draw(index, 3)));
        };
        for (let index = 0; index < 1000; index++) learn(index, 1);
        for (let index = 1000; index < 1008; index++) learn(index, factor);
        for (let index = 1008; index < 1040; index++) {
          const shape = shapeOf(index);
          const share = model.predict(shape) / (factor * truthful(shape));
          assert.ok(Math.abs(share - 1) < 0.2, `${share} of the time at pass ${index}`);
          learn(index, factor);
        }
      }
    });
  }

  it('takes rows for cheap where a floor has come under passes that were short', () => {
    const model = new PassTimeModel();
    const shapeOf = (index: number): PassShape => {
      const tokenCount = 1 + (index % 4);
      return { tokenCount, rowCount: tokenCount, tokenContext: 100 * tokenCount };
    };
    for (let index = 0; index < 300; index++) model.learn(shapeOf(index), 1 + (index % 4));
    for (let index = 0; index < 7; index++) model.learn(shapeOf(0), 50);
    const { fixedMs, tokenMs, rowMs } = model.cost;
    assert.ok(fixedMs > 45 && tokenMs + rowMs < 2, `${fixedMs}, ${tokenMs} and ${rowMs}`);
  });

  it('takes the first prompts for larger passes, not for another machine', () => {
    const model = new PassTimeModel();
    const time = truth(10, 0.5, 0, 0);
    const step = { tokenCount: 1, rowCount: 1, tokenContext: 100 };
    const prompt = { tokenCount: 512, rowCount: 0, tokenContext: 512 * 256 };
    for (let index = 0; index < 100; index++) model.learn(step, time(step));
    for (let index = 0; index < 8; index++) {
      model.learn(prompt, time(prompt));
      assert.ok(Math.abs(model.predict(step) / time(step) - 1) < 0.2, `${model.predict(step)}`);
    }
    assert.ok(Math.abs(model.predict(prompt) / time(prompt) - 1) < 0.2, 'and learns their price');
  });

  it('follows a machine that has become three times slower', () => {
    const model = new PassTimeModel();
    const [before, after] = [truth(10, 0.5, 0, 0), truth(30, 1.5, 0, 0)];
    for (let index = 0; index < 2000; index++) {
      const shape = shapeAt(index);
      model.learn(shape, index < 500 ? before(shape) : after(shape));
    }
    const shape = { tokenCount: 30, rowCount: 10, tokenContext: 9000 };
    assert.ok(Math.abs(model.predict(shape) / after(shape) - 1) < 0.1, `${model.predict(shape)}`);
  });

  it('never predicts less than nothing, nor less for more work, whatever it was fed', () => {
    const shape = fc.record({
      tokenCount: fc.integer({ min: 0, max: 2048 }),
      rowCount: fc.integer({ min: 0, max: 2048 }),
      tokenContext: fc.integer({ min: 0, max: 1e8 }),
    });
    const passes = fc.array(fc.tuple(shape, fc.double({ min: 0, max: 1e6, noNaN: true })), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(passes, shape, shape, (fed, small, more) => {
        const model = new PassTimeModel();
        for (const [pass, ms] of fed) model.learn(pass, ms);
        const large = {
          tokenCount: small.tokenCount + more.tokenCount,
          rowCount: small.rowCount + more.rowCount,
          tokenContext: small.tokenContext + more.tokenContext,
        };
        const [least, most] = [model.predict(small), model.predict(large)];
        assert.ok(least >= 0 && most >= least && most < Infinity, `${least} ${most}`);
      }),
    );
  });
});
