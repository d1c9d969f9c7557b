// Tests penalties: their signs, the tokens they count, and their order.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { logitRow } from './arbitrary.suite.js';
import { plain } from './exactness.suite.js';
import { TokenHistory } from './history.js';
import { applyPenalties, penaltyChanges } from './penalty.js';

function historyOf(promptTokens: readonly number[], output: readonly number[]): TokenHistory {
  const history = new TokenHistory();
  for (const token of promptTokens) history.push(token, false);
  for (const token of output) history.push(token, true);
  return history;
}

test('repetition penalty makes every seen token less likely, prompt or output, whatever its sign', () => {
  const logits = Float32Array.of(2, -2, 3, 0, -0.5, 0.5);
  applyPenalties(logits, { ...plain, repetitionPenalty: 2 }, historyOf([0, 4], [1, 3, 5]));
  assert.deepEqual([...logits], [1, -4, 3, 0, -1, 0.25]);
});

test('presence counts once and frequency each time, in the output only', () => {
  const logits = Float32Array.of(1, 1, 1, 1);
  const sampling = { ...plain, presencePenalty: 0.5, frequencyPenalty: 0.25 };
  applyPenalties(logits, sampling, historyOf([0, 0, 1], [1, 1, 3]));
  assert.deepEqual([...logits], [1, 0, 1, 0.25]);
});

test('penalties come in order: repetition, presence and frequency, bias', () => {
  const logits = Float32Array.of(4);
  const sampling = {
    ...plain,
    repetitionPenalty: 2,
    presencePenalty: 0.5,
    frequencyPenalty: 0.25,
    logitBias: new Map([[0, 10]]),
  };
  applyPenalties(logits, sampling, historyOf([], [0, 0]));
  assert.deepEqual([...logits], [4 / 2 - 0.5 - 2 * 0.25 + 10]);
});

test('a bias of -Infinity bans a token even where the model says +Infinity', () => {
  const logits = Float32Array.of(Infinity, 1, NaN);
  const logitBias = new Map([
    [0, -Infinity],
    [2, 3],
  ]);
  applyPenalties(logits, { ...plain, logitBias }, null);
  assert.deepEqual([...logits], [-Infinity, 1, NaN]);
});

test('changes name each seen or biased token once, and are rounded to float32', () => {
  const sampling = {
    ...plain,
    repetitionPenalty: 3,
    logitBias: new Map([
      [2, 1],
      [0, 0.1],
    ]),
  };
  const { ids, logits } = penaltyChanges(Float64Array.of(1, 1, 1), sampling, historyOf([2], [1]));
  assert.deepEqual([...ids].sort(), [0, 1, 2]);
  const changed = new Map([...ids].map((id, index) => [id, logits[index]]));
  assert.equal(changed.get(0), Math.fround(1.1));
  assert.equal(changed.get(1), Math.fround(1 / 3));
  assert.equal(changed.get(2), Math.fround(1 / 3 + 1));
});

test('tokens neither seen nor biased keep their logits, and neutral parameters keep all', () => {
  const seen = fc.array(fc.integer({ min: 0, max: 39 }));
  fc.assert(
    fc.property(
      logitRow,
      seen,
      fc.double({ min: 0.01, max: 100, noNaN: true }),
      (row, raw, penalty) => {
        const tokens = raw.filter((token) => token < row.length);
        const changed = row.slice();
        const sampling = { ...plain, repetitionPenalty: penalty, frequencyPenalty: 1 };
        applyPenalties(changed, sampling, historyOf([], tokens));
        row.forEach((logit, id) => {
          if (!tokens.includes(id)) assert.equal(changed[id], logit);
        });
        const neutral = row.slice();
        applyPenalties(neutral, plain, historyOf(tokens, tokens));
        assert.deepEqual(neutral, row);
      },
    ),
  );
});

test('a seen token outside the row is a broken invariant', () => {
  const ask = () => penaltyChanges(Float32Array.of(1), plain, historyOf([1], []));
  assert.throws(ask, { name: 'InvariantError' });
});
