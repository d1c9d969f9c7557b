// Tests that enumeration visits every branch once, with its weight.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { lawOf } from './arbitrary.suite.js';
import { drawToken } from './draw-token.js';
import { allBranches } from './enumerating-chance.suite.js';
import { probOf } from './law.js';

test('every branch is walked once, with its weight', () => {
  const branches = allBranches((chance) => {
    const first = chance.happens(0.25);
    return first ? ['yes'] : ['no', chance.draw(Float64Array.of(0, 1, 3), 4)];
  });
  const byWeight = branches.map(({ value, weight }) => [value.join(), weight]);
  assert.deepEqual(byWeight, [
    ['no,1', 0.1875],
    ['no,2', 0.5625],
    ['yes', 0.25],
  ]);
});

test('what cannot happen is not walked, and a program without questions has one branch', () => {
  assert.deepEqual(
    allBranches((chance) => [chance.happens(0), chance.happens(1)]),
    [{ value: [false, true], weight: 1 }],
  );
  assert.deepEqual(
    allBranches(() => 'only'),
    [{ value: 'only', weight: 1 }],
  );
});

test('a drawn token has the probability of its law', () => {
  fc.assert(
    fc.property(lawOf(9), (law) => {
      for (const { value, weight } of allBranches((chance) => drawToken(law, chance))) {
        assert.ok(Math.abs(weight - probOf(law, value)) < 1e-15);
      }
    }),
  );
});
