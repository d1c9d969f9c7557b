// Tests that the proof by enumeration detects wrong verification rules that look right, each found
// in published code or an easy slip. If one of these passes, the proof is blind.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Chance } from './chance.js';
import { cutLaw } from './cut-law.js';
import { drawToken } from './draw-token.js';
import { allBranches } from './enumerating-chance.suite.js';
import {
  plain,
  prompt,
  type Round,
  samplings,
  targetOnly,
  textLaw,
  totalVariation,
  toyModel,
} from './exactness.suite.js';
import { type Law, probOf, sparseLaw } from './law.js';
import { acceptProbability, residual } from './residual.js';

const vocabSize = 3;
const draftLength = 2;
const targetLawAt = toyModel(11n, vocabSize, plain);
const draftLawAt = toyModel(22n, vocabSize, plain);
const filteredDraftLawAt = toyModel(22n, vocabSize, samplings['top-k 2']!);

/** The parts a rule may get wrong; the others are variations of `right`. */
interface Rule {
  readonly drawnFrom: typeof draftLawAt;
  readonly accept: (target: number, draft: number) => number;
  readonly replacement: (targetLaw: Law, draftLaw: Law) => Law;
  readonly keepsSuffix: boolean;
}

const right: Rule = {
  drawnFrom: draftLawAt,
  accept: acceptProbability,
  replacement: (targetLaw, draftLaw) => residual(targetLaw, draftLaw).law,
  keepsSuffix: false,
};

function roundsBy(rule: Rule): Round {
  return (prefix) => allBranches((chance) => roundOf(rule, prefix, chance));
}

function roundOf(rule: Rule, prefix: readonly number[], chance: Chance): number[] {
  const drafts: number[] = [];
  for (let row = 0; row < draftLength; row++) {
    drafts.push(drawToken(rule.drawnFrom([...prefix, ...drafts]), chance));
  }
  for (let row = 0; row < draftLength; row++) {
    const before = [...prefix, ...drafts.slice(0, row)];
    const targetLaw = targetLawAt(before);
    const draftLaw = draftLawAt(before);
    const draft = drafts[row]!;
    if (chance.happens(rule.accept(probOf(targetLaw, draft), probOf(draftLaw, draft)))) continue;
    const token = drawToken(rule.replacement(targetLaw, draftLaw), chance);
    const suffix = rule.keepsSuffix ? drafts.slice(row + 1) : [];
    return [...drafts.slice(0, row), token, ...suffix];
  }
  return [...drafts, drawToken(targetLawAt([...prefix, ...drafts]), chance)];
}

/** Total variation from the target's law over the next `length` tokens. */
function distance(rule: Rule, length: number): number {
  const text = textLaw(roundsBy(rule), prompt, length);
  return totalVariation(text, textLaw(targetOnly(targetLawAt, vocabSize), prompt, length));
}

const visible = 1e-3;

test('the rule that the wrong ones vary is right', () => {
  assert.ok(distance(right, draftLength + 1) < 1e-12);
});

const wrongRules: Readonly<Record<string, Rule>> = {
  'the ratio inverted': { ...right, accept: (target, draft) => Math.min(1, draft / target) },
  'no residual: the target law drawn from again': {
    ...right,
    replacement: (targetLaw) => targetLaw,
  },
  'drawn from a filtered law, tested with the unfiltered one': {
    ...right,
    drawnFrom: filteredDraftLawAt,
  },
  'the suffix behind a rejection kept': { ...right, keepsSuffix: true },
  'the residual of a cut law taken for the whole one': {
    ...right,
    replacement: (targetLaw, draftLaw) => {
      const cut = cutLaw(targetLaw, { keepMax: 2 });
      return residual(sparseLaw(cut.ids, cut.probs), draftLaw).law;
    },
  },
  'the draft probability rounded to four bits': {
    ...right,
    accept: (target, draft) => acceptProbability(target, Math.ceil(draft * 16) / 16),
  },
};

for (const [name, rule] of Object.entries(wrongRules)) {
  test(`told apart: ${name}`, (t) => {
    const joint = distance(rule, draftLength + 1);
    t.diagnostic(
      `total variation: joint ${joint.toExponential(1)}, first token ${distance(rule, 1).toExponential(1)}`,
    );
    assert.ok(joint > visible, `total variation ${joint} of the joint law`);
  });
}

test('a kept suffix does not show in the first token, so only joint laws prove anything', () => {
  const rule = wrongRules['the suffix behind a rejection kept']!;
  assert.ok(distance(rule, 1) < 1e-12);
  assert.ok(distance(rule, 2) > visible);
});
