// Tests the promises of `split` and `full` other than exactness, which exactness.test.ts proves.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { lawOf } from './arbitrary.suite.js';
import { type Chance, keyedChance } from './chance.js';
import { verifyFull } from './full.js';
import { type DenseLaw, type Law, pointLaw, probOf } from './law.js';
import { noiseKey } from './noise.js';
import { draftToken, residualToken, verifySplit } from './split.js';

const keys = {
  accept: noiseKey(1n, 'accept'),
  draft: noiseKey(1n, 'draft'),
  target: noiseKey(1n, 'target'),
  residual: noiseKey(1n, 'residual'),
};
const serverChance = (position: number): Chance => keyedChance(keys.accept, keys.target, position);
const dense = (...probs: number[]): DenseLaw => ({
  kind: 'dense',
  probs: Float64Array.from(probs),
});

/** Three drafts of one law with their probabilities. */
function drafted(draftLaw: Law, from: number) {
  const drafts = [0, 1, 2].map((row) =>
    draftToken(draftLaw, keyedChance(keys.accept, keys.draft, from + row)),
  );
  return {
    tokens: Int32Array.from(drafts, ({ token }) => token),
    probs: Float64Array.from(drafts, ({ prob }) => prob),
  };
}

test('a draft token comes with its own probability', () => {
  fc.assert(
    fc.property(lawOf(8), fc.nat(1000), (law, position) => {
      const { token, prob } = draftToken(law, serverChance(position));
      assert.equal(prob, probOf(law, token));
      assert.ok(prob > 0);
    }),
  );
});

test('no token that the target law excludes ever comes out, whatever is drafted', () => {
  fc.assert(
    fc.property(lawOf(8), lawOf(8), fc.nat(1000), (targetLaw, draftLaw, from) => {
      const { tokens, probs } = drafted(draftLaw, from);
      const chanceAt = (row: number): Chance => serverChance(from + row);
      const { acceptedCount, final } = verifySplit(() => targetLaw, tokens, probs, chanceAt);
      const last =
        final.kind === 'law'
          ? residualToken(final.law, draftLaw, keyedChance(keys.residual, keys.residual, from))
          : final.token;
      const text = [...tokens.subarray(0, acceptedCount), last];
      for (const token of text) assert.ok(probOf(targetLaw, token) > 0, `token ${token}`);
    }),
    { numRuns: 500 },
  );
});

test('split and full accept the same drafts under the same chance, and resending changes nothing', () => {
  fc.assert(
    fc.property(lawOf(8), lawOf(8), fc.nat(1000), (targetLaw, draftLaw, from) => {
      const { tokens, probs } = drafted(draftLaw, from);
      const chanceAt = (row: number): Chance => serverChance(from + row);
      const split = () => verifySplit(() => targetLaw, tokens, probs, chanceAt);
      const laws = [draftLaw, draftLaw, draftLaw];
      const full = verifyFull(() => targetLaw, tokens, laws, chanceAt);
      assert.equal(split().acceptedCount, full.acceptedCount);
      assert.deepEqual(split(), split());
      if (full.acceptedCount === 3) assert.deepEqual(split(), full);
    }),
  );
});

test('drafts from the target law itself all stand', () => {
  fc.assert(
    fc.property(lawOf(8), fc.nat(1000), (law, from) => {
      const { tokens, probs } = drafted(law, from);
      const verdict = verifySplit(
        () => law,
        tokens,
        probs,
        (row) => serverChance(from + row),
      );
      assert.equal(verdict.acceptedCount, 3);
      assert.equal(verdict.final.kind, 'bonus');
    }),
  );
});

test('a rejection under split leaves the target law of that row; no row behind it is asked', () => {
  const rows: number[] = [];
  const targetLawAt = (row: number): Law => {
    rows.push(row);
    return row === 1 ? dense(1, 0) : dense(0, 1);
  };
  const drafts = Int32Array.of(1, 1, 1);
  const verdict = verifySplit(targetLawAt, drafts, Float64Array.of(1, 1, 1), serverChance);
  assert.deepEqual(verdict, { acceptedCount: 1, final: { kind: 'law', law: dense(1, 0) } });
  assert.deepEqual(rows, [0, 1]);
});

test('a rejection under full is replaced from the residual', () => {
  const draftLaws = [pointLaw(1)];
  const verdict = verifyFull(() => dense(1, 0), Int32Array.of(1), draftLaws, serverChance);
  assert.deepEqual(verdict, { acceptedCount: 0, final: { kind: 'residual', token: 0 } });
});

test('probabilities or laws that do not match the drafts are broken invariants', () => {
  const law = (): Law => dense(1, 0);
  const drafts = Int32Array.of(0, 0);
  const short = { name: 'InvariantError' };
  assert.throws(() => verifySplit(law, drafts, Float64Array.of(1), serverChance), short);
  assert.throws(() => verifyFull(law, drafts, [law()], serverChance), short);
});
