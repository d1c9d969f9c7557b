// Tests the race that both ends run over shared noise: its winners, its ties, and the law of its
// winners.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { finiteRow, lawOf, logitRow } from './arbitrary.suite.js';
import { chiSquareFit } from './chi-square.suite.js';
import {
  coupledRanking,
  coupledToken,
  coupledTokenFromLogits,
  raceWinner,
  verifyCoupled,
} from './coupled.js';
import { type LawAt, plain, prompt, samplings, toyModel } from './exactness.suite.js';
import { fromDense, type Law, probOf, sparseLaw } from './law.js';
import { supportSize, toDense } from './law.suite.js';
import { lawFromLogits } from './law-pipeline.js';
import { exponential, type NoiseKey, noiseKey } from './noise.js';
import { coupledAcceptance } from './scheme-acceptance.suite.js';

const key = noiseKey(2024n, 'race');

test('the winner has the smallest variate over probability', () => {
  fc.assert(
    fc.property(lawOf(10), fc.nat(1000), (law, position) => {
      const winner = coupledToken(law, key, position);
      const score = (id: number): number => exponential(key, position, id) / probOf(law, id);
      assert.ok(probOf(law, winner) > 0);
      for (let id = 0; id < 10; id++) assert.ok(score(winner) <= score(id));
    }),
  );
});

test('sparse and dense forms of a law have the same winner', () => {
  fc.assert(
    fc.property(lawOf(10), fc.nat(1000), (law, position) => {
      const dense = toDense(law, 10);
      assert.equal(coupledToken(dense, key, position), coupledToken(law, key, position));
      assert.equal(coupledToken(fromDense(dense), key, position), coupledToken(law, key, position));
    }),
  );
});

test('equal scores go to the lower id, in any order of the law', () => {
  const law = sparseLaw(Int32Array.of(3, 1, 2), Float64Array.of(0.5, 0.25, 0.25));
  assert.equal(
    raceWinner(law, (token) => probOf(law, token)),
    1,
  );
});

test('the ranking begins with the winner and rises in score', () => {
  fc.assert(
    fc.property(
      lawOf(10),
      fc.nat(1000),
      fc.integer({ min: 1, max: 12 }),
      (law, position, count) => {
        const ranking = [...coupledRanking(law, key, position, count)];
        assert.equal(ranking[0], coupledToken(law, key, position));
        const runners = law.probs.filter((prob) => prob > 1e-300).length;
        assert.ok(new Set(ranking).size >= Math.min(count, runners));
        assert.ok(ranking.length <= Math.min(count, supportSize(law)));
        const scores = ranking.map((id) => exponential(key, position, id) / probOf(law, id));
        assert.deepEqual(
          scores,
          scores.toSorted((a, b) => a - b),
        );
      },
    ),
  );
});

test('an unfiltered row needs no law to find its winner', () => {
  fc.assert(
    fc.property(
      logitRow,
      fc.constantFrom(1e-6, 0.5, 1, 100),
      fc.nat(1000),
      (row, temperature, position) => {
        const law = lawFromLogits(row, { ...plain, temperature });
        assert.equal(
          coupledTokenFromLogits(row, temperature, key, position),
          coupledToken(law, key, position),
        );
      },
    ),
  );
});

test('winners over positions follow the law (odds of a false alarm 1e-6)', () => {
  const law = lawFromLogits(Float32Array.of(1, 0, -1, 2, -3, 0.5), plain);
  const counts = new Float64Array(6);
  for (let position = 0; position < 20_000; position++) counts[coupledToken(law, key, position)]!++;
  assert.ok(chiSquareFit(counts, law.probs).pValue > 1e-6);
});

/** The text a seed stands for: the target alone, one token at a time. */
function textAlone(lawAt: LawAt, race: NoiseKey, length: number): number[] {
  const text: number[] = [];
  while (text.length < length) {
    const law = lawAt([...prompt, ...text]);
    text.push(coupledToken(law, race, prompt.length + text.length));
  }
  return text;
}

/** The same through rounds with a drafter, whose draft lengths are given. */
function textByRounds(
  targetLawAt: LawAt,
  draftLawAt: LawAt,
  race: NoiseKey,
  draftLengths: readonly number[],
  length: number,
): number[] {
  const text: number[] = [];
  for (let round = 0; text.length < length; round++) {
    const start = [...prompt, ...text];
    const chain: number[] = [];
    for (let row = 0; row < draftLengths[round % draftLengths.length]!; row++) {
      const law = draftLawAt([...start, ...chain]);
      chain.push(coupledToken(law, race, start.length + row));
    }
    const drafts = Int32Array.from(chain);
    const verdict = verifyCoupled((row) => {
      const law: Law = targetLawAt([...start, ...chain.slice(0, row)]);
      return coupledToken(law, race, start.length + row);
    }, drafts);
    assert.ok(verdict.final.kind !== 'law');
    text.push(...chain.slice(0, verdict.acceptedCount), verdict.final.token);
  }
  return text.slice(0, length);
}

for (const [name, sampling] of Object.entries(samplings)) {
  test(`the text is fixed by the seed, whatever drafts and in whatever lengths: ${name}`, () => {
    const targetLawAt = toyModel(11n, 8, sampling);
    const length = 12;
    const bits = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
    const lengths = fc.array(fc.nat(5), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(bits, bits, lengths, (seed, drafter, draftLengths) => {
        const race = noiseKey(seed, 'race');
        const draftLawAt = toyModel(drafter, 8, sampling);
        const text = textByRounds(targetLawAt, draftLawAt, race, draftLengths, length);
        assert.deepEqual(text, textAlone(targetLawAt, race, length));
      }),
      { numRuns: 40 },
    );
  });
}

test('after full acceptance the device has already drafted the bonus token with probability alpha', () => {
  const targetLawAt = toyModel(11n, 8, plain);
  const draftLawAt = toyModel(22n, 8, plain);
  let hits = 0;
  let expected = 0;
  let variance = 0;
  for (let seed = 0n; seed < 8000n; seed++) {
    const race = noiseKey(seed, 'race');
    const at = (lawAt: LawAt, chain: readonly number[]): number =>
      coupledToken(lawAt([...prompt, ...chain]), race, prompt.length + chain.length);
    const draft = at(draftLawAt, []);
    if (at(targetLawAt, []) !== draft) continue;
    // The device continues drafting before the verdict; the bonus token comes from the same noise
    // after the same prefix.
    if (at(draftLawAt, [draft]) === at(targetLawAt, [draft])) hits++;
    const after = [...prompt, draft];
    const alpha = coupledAcceptance(targetLawAt(after), draftLawAt(after));
    expected += alpha;
    variance += alpha * (1 - alpha);
  }
  // Five standard deviations: odds of a false alarm 6e-7.
  assert.ok(variance > 300, `too few trials: ${variance}`);
  assert.ok(Math.abs(hits - expected) < 5 * Math.sqrt(variance), `${hits}, not ${expected}`);
});

test('a peaked and a flat row of a real vocabulary have the winner that their laws have', () => {
  fc.assert(
    fc.property(finiteRow, fc.nat(1000), (seedRow, position) => {
      const row = new Float32Array(4096).map(
        (_, id) => seedRow[id % seedRow.length]! + (id % 7) / 8,
      );
      const law = lawFromLogits(row, plain);
      assert.equal(coupledTokenFromLogits(row, 1, key, position), coupledToken(law, key, position));
    }),
    { numRuns: 10 },
  );
});
