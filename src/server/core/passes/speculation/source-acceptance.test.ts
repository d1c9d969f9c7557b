// Promises of the estimate of acceptance: precise on steady text, quick when it changes.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SourceAcceptance } from './source-acceptance.js';

/** Repeatable coin. */
function coins(seed: number): (chance: number) => boolean {
  let state = seed;
  return (chance) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32 < chance;
  };
}

const learn = (estimate: SourceAcceptance, count: number, stands: () => boolean): void => {
  for (let test = 0; test < count; test++) estimate.add(0, stands());
};

test('it starts from its guess and finds a steady rate', () => {
  const estimate = new SourceAcceptance(0.7);
  assert.ok(Math.abs(estimate.rate - 0.7) < 1e-9);
  const coin = coins(1);
  learn(estimate, 1000, () => coin(0.5));
  // Deviation of the mean over the memory is 0.022: a false alarm has odds below 1e-5.
  assert.ok(Math.abs(estimate.rate - 0.5) < 0.1, `${estimate.rate}`);
});

test('it follows a change of text within a few dozen tests', () => {
  const coin = coins(2);
  for (const [before, after] of [
    [0.9, 0.3],
    [0.3, 0.9],
  ] as const) {
    const estimate = new SourceAcceptance(0.7);
    learn(estimate, 1000, () => coin(before));
    learn(estimate, 40, () => coin(after));
    assert.ok(Math.abs(estimate.rate - after) < 0.25, `${before} to ${after}: ${estimate.rate}`);
  }
});

test('depths differ where their tests differ', () => {
  const estimate = new SourceAcceptance(0.7);
  const coin = coins(3);
  for (let round = 0; round < 400; round++) {
    const stands = coin(0.9);
    estimate.add(0, stands);
    if (stands) estimate.add(1, coin(0.5));
  }
  assert.ok(estimate.rateAt(0) > estimate.rateAt(1) + 0.15);
});

test('a source without tests returns to its guess, so that it is tried again', () => {
  const estimate = new SourceAcceptance(0.7);
  learn(estimate, 300, () => false);
  assert.ok(estimate.rate < 0.1);
  for (let pass = 0; pass < 1000; pass++) estimate.rest();
  assert.ok(estimate.rate > 0.6);
});
