// Tests that acceptance is accepted over tested, and that tallies merge by adding counts.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { AcceptanceTally } from './acceptance.js';

/** [drafted, accepted] of each round. */
function tallyOf(rounds: readonly (readonly [number, number])[]): AcceptanceTally {
  const tally = new AcceptanceTally();
  for (const [draftCount, acceptedCount] of rounds) tally.addRound(draftCount, acceptedCount);
  return tally;
}

test('acceptance is accepted / tested: drafts behind a rejection do not count', () => {
  const tally = tallyOf([
    [4, 1],
    [4, 4],
    [2, 0],
    [0, 0],
  ]);
  assert.equal(tally.testedCount, 2 + 4 + 1);
  assert.equal(tally.acceptedCount, 5);
  assert.equal(tally.acceptanceRate, 5 / 7);
  assert.equal(tally.draftEfficiency, 5 / 10);
  assert.equal(tally.meanAcceptedLength, 5 / 4);
  assert.equal(tally.meanTokens, 9 / 4);
  assert.equal(tally.acceptanceRateAt(0), 2 / 3);
  assert.equal(tally.acceptanceRateAt(1), 1 / 2);
  assert.equal(tally.acceptanceRateAt(3), 1);
  assert.deepEqual(tally.positions, [
    { testedCount: 3, acceptedCount: 2 },
    { testedCount: 2, acceptedCount: 1 },
    { testedCount: 1, acceptedCount: 1 },
    { testedCount: 1, acceptedCount: 1 },
  ]);
});

test('rates of nothing are NaN, not 0: nothing is known yet', () => {
  const tally = new AcceptanceTally();
  for (const rate of [tally.acceptanceRate, tally.draftEfficiency, tally.meanAcceptedLength]) {
    assert.ok(Number.isNaN(rate));
  }
  assert.ok(Number.isNaN(tally.acceptanceRateAt(5)));
});

const rounds = fc.array(
  fc.tuple(fc.nat(8), fc.nat(8)).map(([a, b]) => [Math.max(a, b), Math.min(a, b)] as const),
);

test('merging tallies is counting all their rounds', () => {
  fc.assert(
    fc.property(rounds, rounds, (first, second) => {
      const merged = tallyOf(first);
      merged.merge(tallyOf(second));
      const whole = tallyOf([...first, ...second]);
      const numbers = (tally: AcceptanceTally): number[] => [
        tally.roundCount,
        tally.draftedCount,
        tally.testedCount,
        tally.acceptedCount,
        ...Array.from({ length: 9 }, (_, index) => tally.acceptanceRateAt(index)),
      ];
      assert.deepEqual(numbers(merged), numbers(whole));
    }),
  );
});

test('a verdict that accepts more than was drafted is a broken invariant', () => {
  assert.throws(() => tallyOf([[2, 3]]), { name: 'InvariantError' });
  assert.throws(() => tallyOf([[2, -1]]), { name: 'InvariantError' });
});
