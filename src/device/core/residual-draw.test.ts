// Checks that the residual token is drawn from the law of the verdict, and from a cut of it where
// that suffices.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cutLaw } from '../../math/cut-law.js';
import type { Law } from '../../math/law.js';
import { ResidualDraw } from './residual-draw.js';

const lawOf = (...probs: number[]): Law => ({ kind: 'dense', probs: Float64Array.from(probs) });
const draftLaw = lawOf(1, 0, 0, 0);
const targetLaw = lawOf(0, 0.5, 0.3, 0.2);
const logprobs = { logprobs: Float32Array.of(-9, -1, -2, -3), top: [] };
const drawOf = (seed: bigint): ResidualDraw => new ResidualDraw(3, draftLaw, seed);
const seeds = Array.from({ length: 40 }, (_, index) => BigInt(index));

describe('the residual token', () => {
  it('is drawn from the whole law at once, with its log-probability, and is not sent yet', () => {
    const draw = drawOf(1n);
    assert.deepEqual([draw.isOpen, draw.token, draw.logprobs], [true, null, null]);
    draw.draw({ kind: 'whole', law: targetLaw }, logprobs);
    assert.deepEqual([draw.isOpen, draw.isSent], [false, false]);
    assert.equal(draw.logprobs?.logprob, logprobs.logprobs[draw.token!]);
  });

  it('is drawn from a cut alone where that holds most of the law', () => {
    const cut = cutLaw(targetLaw, { keepMax: 2 });
    const drawn = seeds.map((seed) => {
      const draw = drawOf(seed);
      draw.draw({ kind: 'cut', cut }, null);
      return draw;
    });
    const fromCut = drawn.filter(({ isOpen }) => !isOpen);
    assert.ok(fromCut.length > 20 && fromCut.length < 40, `${fromCut.length} of 40`);
    assert.ok(fromCut.every(({ token }) => token === 1 || token === 2));
  });

  it('waits for the whole law otherwise, and refuses one that differs from the cut', () => {
    const draw = seeds.map(drawOf).find((one) => {
      one.draw({ kind: 'cut', cut: cutLaw(targetLaw, { keepMax: 2 }) }, null);
      return one.isOpen;
    });
    assert.match(draw!.complete(lawOf(0, 0.4, 0.4, 0.2), null)!, /differs from its cut/);
    assert.equal(draw!.isOpen, true);
    assert.equal(draw!.complete(targetLaw, logprobs), null);
    assert.equal(draw!.token, 3);
    assert.equal(draw!.logprobs?.logprob, -3);
    assert.equal(draw!.complete(lawOf(1, 0, 0, 0), null), null, 'said twice');
    assert.equal(draw!.token, 3);
  });
});
