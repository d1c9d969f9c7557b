// Proves by enumeration that every scheme writes the text of the target alone: the joint law of
// gamma + 1 tokens, over every draft, test and draw, for small vocabularies and every filter. The
// functions under proof are the shipped ones.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { agreementToken, verifyAgreement } from './agreement.js';
import type { Chance } from './chance.js';
import { raceWinner, verifyCoupled } from './coupled.js';
import { cutLaw, residualFromCut, residualFromWhole } from './cut-law.js';
import { allBranches, type ChanceBranch } from './enumerating-chance.suite.js';
import {
  type LawAt,
  plain,
  prompt,
  type Round,
  samplings,
  targetOnly,
  textLaw,
  totalVariation,
  toyModel,
} from './exactness.suite.js';
import { verifyFull } from './full.js';
import { greedyToken, verifyGreedy } from './greedy.js';
import type { Law } from './law.js';
import { type RaceCell, raceCells } from './race-cells.suite.js';
import { draftToken, residualToken, verifySplit } from './split.js';
import { type MayTest, testsAll, type Verification } from './verification.js';

const tolerance = 1e-12;

/** Makes rounds of one scheme out of the two models. */
type RoundMaker = (targetLawAt: LawAt, draftLawAt: LawAt, draftLength: number) => Round;

interface Draft {
  readonly tokens: Int32Array;
  readonly probs: Float64Array;
  readonly laws: readonly Law[];
}

function draftChain(
  prefix: readonly number[],
  draftLawAt: LawAt,
  draftLength: number,
  pick: (law: Law) => { readonly token: number; readonly prob: number },
): Draft {
  const tokens: number[] = [];
  const probs: number[] = [];
  const laws: Law[] = [];
  for (let row = 0; row < draftLength; row++) {
    const law = draftLawAt([...prefix, ...tokens]);
    const { token, prob } = pick(law);
    laws.push(law);
    tokens.push(token);
    probs.push(prob);
  }
  return { tokens: Int32Array.from(tokens), probs: Float64Array.from(probs), laws };
}

/**
 * Target law at a row: rows after the first rejection would follow tokens that are not in the text.
 */
function rowLaws(
  prefix: readonly number[],
  drafts: Int32Array,
  lawAt: LawAt,
): (row: number) => Law {
  return (row) => lawAt([...prefix, ...drafts.subarray(0, row)]);
}

function committed(
  { acceptedCount, final }: Verification,
  drafts: Int32Array,
  drawFrom: (law: Law, row: number) => number,
): number[] {
  const last = final.kind === 'law' ? drawFrom(final.law, acceptedCount) : final.token;
  return [...drafts.subarray(0, acceptedCount), last];
}

const neverLaw = (): number => assert.fail('only split leaves a law to the device');

/** Whether a row's draft is tested, given the text before it. */
type Testing = (prefix: readonly number[], drafts: Int32Array) => MayTest;

const testing: Testing = () => testsAll;

/** Stops after some texts and not after others, like a budget that the text so far uses up. */
const testingSome: Testing = (prefix, drafts) => (row) =>
  [...prefix, ...drafts.subarray(0, row)].reduce((sum, token) => sum + token + 1, 0) % 3 !== 0;

const fullWith =
  (mayTest: Testing): RoundMaker =>
  (targetLawAt, draftLawAt, draftLength) =>
  (prefix) =>
    allBranches((chance) => {
      const { tokens, laws } = draftChain(prefix, draftLawAt, draftLength, (law) =>
        draftToken(law, chance),
      );
      const lawAt = rowLaws(prefix, tokens, targetLawAt);
      const verdict = verifyFull(lawAt, tokens, laws, () => chance, mayTest(prefix, tokens));
      return committed(verdict, tokens, neverLaw);
    });

/** @param replace how the device gets its residual token from the target law. */
const splitWith =
  (
    replace: (targetLaw: Law, draftLaw: Law, chance: Chance) => number,
    mayTest = testing,
  ): RoundMaker =>
  (targetLawAt, draftLawAt, draftLength) =>
  (prefix) =>
    allBranches((chance) => {
      const draft = draftChain(prefix, draftLawAt, draftLength, (law) => draftToken(law, chance));
      const lawAt = rowLaws(prefix, draft.tokens, targetLawAt);
      const { tokens, probs } = draft;
      const verdict = verifySplit(lawAt, tokens, probs, () => chance, mayTest(prefix, tokens));
      return committed(verdict, draft.tokens, (law, row) => replace(law, draft.laws[row]!, chance));
    });

const replaceFromCut =
  (keepMax: number) =>
  (targetLaw: Law, draftLaw: Law, chance: Chance): number => {
    const cut = cutLaw(targetLaw, { keepMax });
    const answer = residualFromCut(cut, draftLaw, chance);
    return answer.kind === 'token'
      ? answer.token
      : residualFromWhole(cut, targetLaw, draftLaw, chance);
  };

/**
 * Drafts the likeliest token, as the engine does, or a drawn one: agreement must be exact for both.
 */
const agreementWith =
  (drafts: 'argmax' | 'drawn', mayTest = testing): RoundMaker =>
  (targetLawAt, draftLawAt, draftLength) =>
  (prefix) =>
    allBranches((chance) => {
      const draft = draftChain(prefix, draftLawAt, draftLength, (law) =>
        drafts === 'drawn' ? draftToken(law, chance) : { token: greedyToken(law), prob: 1 },
      );
      const lawAt = rowLaws(prefix, draft.tokens, targetLawAt);
      const verdict = verifyAgreement(
        (row) => agreementToken(lawAt(row), chance),
        draft.tokens,
        mayTest(prefix, draft.tokens),
      );
      return committed(verdict, draft.tokens, neverLaw);
    });

/**
 * Walks the cells of the joint noise row by row. After the first difference the cells of a row sum
 * to 1 and are not used, so one stands for all. The next round uses that noise again, independently
 * of this one.
 */
const coupled: RoundMaker = (targetLawAt, draftLawAt, draftLength) => (prefix) => {
  const finish = (cells: readonly RaceCell[], weight: number): ChanceBranch<number[]> => {
    const variateAt = (row: number): RaceCell['variate'] => (cells[row] ?? cells.at(-1)!).variate;
    let row = 0;
    const draft = draftChain(prefix, draftLawAt, draftLength, (law) => ({
      token: raceWinner(law, variateAt(row++)),
      prob: 1,
    }));
    const lawAt = rowLaws(prefix, draft.tokens, targetLawAt);
    const verdict = verifyCoupled((at) => raceWinner(lawAt(at), variateAt(at)), draft.tokens);
    const text = committed(verdict, draft.tokens, neverLaw);
    // The shipped race must land where the closed form says it does.
    assert.equal(text.length, cells.length);
    assert.deepEqual(
      text,
      cells.map(({ targetToken }) => targetToken),
    );
    return { value: text, weight };
  };
  const walk = (cells: readonly RaceCell[], weight: number): ChanceBranch<number[]>[] => {
    const start = [...prefix, ...cells.map((cell) => cell.draftToken)];
    const isBonus = cells.length === draftLength;
    const here = raceCells(targetLawAt(start), isBonus ? targetLawAt(start) : draftLawAt(start));
    return here.flatMap((cell) => {
      const next = [...cells, cell];
      const isLast = isBonus || cell.draftToken !== cell.targetToken;
      return isLast ? [finish(next, weight * cell.weight)] : walk(next, weight * cell.weight);
    });
  };
  return walk([], 1);
};

const greedy: RoundMaker = (targetLawAt, draftLawAt, draftLength) => (prefix) => {
  const draft = draftChain(prefix, draftLawAt, draftLength, (law) => ({
    token: greedyToken(law),
    prob: 1,
  }));
  const lawAt = rowLaws(prefix, draft.tokens, targetLawAt);
  const verdict = verifyGreedy((row) => greedyToken(lawAt(row)), draft.tokens);
  return [{ value: committed(verdict, draft.tokens, neverLaw), weight: 1 }];
};

const schemes: Readonly<Record<string, RoundMaker>> = {
  coupled,
  'agreement, likeliest drafts': agreementWith('argmax'),
  'agreement, drawn drafts': agreementWith('drawn'),
  split: splitWith(residualToken),
  'split, law cut to 1': splitWith(replaceFromCut(1)),
  'split, law cut to 2': splitWith(replaceFromCut(2)),
  full: fullWith(testing),
  'agreement, some drafts untested': agreementWith('drawn', testingSome),
  'split, some drafts untested': splitWith(residualToken, testingSome),
  'full, some drafts untested': fullWith(testingSome),
};

/**
 * Largest total variation over vocabulary 3 with gamma 1 to 3 and vocabulary 4 with gamma 1 and 2.
 */
function worstDistance(
  maker: RoundMaker,
  targetSampling: typeof plain,
  draftSampling: typeof plain,
): number {
  let worst = 0;
  for (const [vocabSize, draftLength] of [
    [3, 1],
    [3, 2],
    [3, 3],
    [4, 1],
    [4, 2],
  ] as const) {
    const targetLawAt = toyModel(11n, vocabSize, targetSampling);
    const draftLawAt = toyModel(22n, vocabSize, draftSampling);
    const round = maker(targetLawAt, draftLawAt, draftLength);
    const text = textLaw(round, prompt, draftLength + 1);
    const truth = textLaw(targetOnly(targetLawAt, vocabSize), prompt, draftLength + 1);
    worst = Math.max(worst, totalVariation(text, truth));
  }
  return worst;
}

for (const [scheme, maker] of Object.entries(schemes)) {
  for (const [name, sampling] of Object.entries(samplings)) {
    test(`${scheme}, ${name}: the text has the target's joint law`, (t) => {
      const distance = worstDistance(maker, sampling, sampling);
      t.diagnostic(`total variation ${distance.toExponential(1)}`);
      assert.ok(distance < tolerance, `total variation ${distance}`);
    });
  }
  test(`${scheme}: a draft with other parameters than the target changes nothing`, () => {
    assert.ok(worstDistance(maker, samplings['top-k 2']!, plain) < tolerance);
    assert.ok(worstDistance(maker, plain, samplings['top-k 2']!) < tolerance);
    assert.ok(worstDistance(maker, plain, { ...plain, temperature: 0 }) < tolerance);
  });
}

for (const [name, sampling] of Object.entries(samplings)) {
  test(`greedy, ${name}: the text is the target's own at temperature 0`, () => {
    const cold = { ...sampling, temperature: 0 };
    assert.equal(worstDistance(greedy, cold, cold), 0);
    assert.equal(worstDistance(greedy, cold, sampling), 0);
  });
}

test('every sampling of the proof changes the laws, and some tokens are excluded', () => {
  for (const [name, sampling] of Object.entries(samplings)) {
    if (sampling === plain) continue;
    const truth = textLaw(targetOnly(toyModel(11n, 4, plain), 4), prompt, 2);
    const changed = textLaw(targetOnly(toyModel(11n, 4, sampling), 4), prompt, 2);
    assert.ok(totalVariation(truth, changed) > 1e-3, `${name} changes nothing`);
  }
});
