// Checks that the texts of split, full and agreement follow the target's law through the whole
// core, with drafts in pieces, resent, and laws cut short. Seeds are fixed, so a pass stays a pass;
// with new seeds each test would fail by chance once in a hundred thousand runs.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { chiSquareFit } from '../../math/chi-square.suite.js';
import { probOf } from '../../math/law.js';
import { plainSampling } from '../../math/sampling.js';
import type { Open } from '../../protocol/frame.js';
import { Harness, openFrame } from './core-harness.suite.js';
import { Laws, type Rhythm, writeAnswer } from './ratio-device.suite.js';

const vocabSize = 4;
const sharpness = 1.5;
const tokensMax = 4;
const prompt = [0, 3];
const answers = 1000;
const target = new Laws(vocabSize, 0, plainSampling, sharpness);
const draft = new Laws(vocabSize, 1, plainSampling, sharpness);

/** Probability of every answer: four tokens, or fewer that end with the end of text (id 1). */
function textLaw(): Map<string, number> {
  const law = new Map<string, number>();
  const walk = (answer: readonly number[], prob: number): void => {
    if (answer.length === tokensMax || answer.at(-1) === 1) {
      law.set(answer.join(), prob);
      return;
    }
    const next = target.after([...prompt, ...answer]);
    for (let token = 0; token < vocabSize; token++)
      walk([...answer, token], prob * probOf(next, token));
  };
  walk([], 1);
  return law;
}

function fit(changes: Partial<Open>, rhythm: Rhythm, model = {}) {
  const harness = new Harness({ model: { vocabSize, sharpness, ...model } });
  harness.connect(1);
  const counts = new Map<string, number>();
  for (let index = 0; index < answers; index++) {
    const open = openFrame({
      session: index,
      prompt: { kind: 'ids', ids: Int32Array.from(prompt) },
      sampling: plainSampling,
      seed: BigInt(index) * 7919n + 3n,
      tokensMax,
      mode: 'pipeline',
      ...changes,
    });
    const answer = writeAnswer(harness, open, draft, rhythm).join();
    counts.set(answer, (counts.get(answer) ?? 0) + 1);
  }
  const { acceptedCount, testedCount, passFailureCount } = harness.core.stats();
  assert.equal(passFailureCount, 0);
  assert.ok(acceptedCount > 0 && acceptedCount < testedCount, 'drafts both stood and fell');
  harness.disconnect(1);
  assert.equal(harness.core.retainedCount, 0);
  return counts;
}

/** Do the answers follow the target's law? Cells that are rarely expected are pooled. */
function check(counts: ReadonlyMap<string, number>): void {
  const law = textLaw();
  const observed = [...law.keys()].map((answer) => counts.get(answer) ?? 0);
  const total = observed.reduce((sum, count) => sum + count, 0);
  assert.equal(total, answers, 'an impossible answer');
  assert.ok(chiSquareFit(observed, [...law.values()]).pValue > 1e-5);
}

const rhythms: { readonly name: string; readonly rhythm: Rhythm }[] = [
  { name: 'whole drafts', rhythm: { frames: [3], runsBetween: false } },
  { name: 'pieces that meet in one pass', rhythm: { frames: [1, 2, 1], runsBetween: false } },
  { name: 'pieces verified one by one', rhythm: { frames: [1, 1, 2], runsBetween: true } },
  { name: 'requests for single tokens between', rhythm: { frames: [2, 0], runsBetween: true } },
];

describe('the law of the text', () => {
  for (const { name, rhythm } of rhythms) {
    it(`full: ${name}`, () => check(fit({ scheme: 'full' }, rhythm)));
    it(`split: ${name}`, () => check(fit({ scheme: 'split' }, rhythm)));
  }

  it('agreement: pieces verified one by one', () => {
    check(fit({ scheme: 'agreement' }, { frames: [1, 1, 2], runsBetween: true }));
  });

  it('split: laws cut to one token, tails asked for', () => {
    check(fit({ scheme: 'split', cut: { keepMax: 1 } }, { frames: [3], runsBetween: false }));
  });

  it('full and split: passes of two rows, so that chains are judged in parts', () => {
    const model = { passRowsMax: 2 };
    check(fit({ scheme: 'full' }, { frames: [4], runsBetween: false }, model));
    check(fit({ scheme: 'split' }, { frames: [4], runsBetween: false }, model));
  });

  it('is told apart from the draft law by the same test', () => {
    const counts = new Map<string, number>();
    const harness = new Harness({ model: { vocabSize, sharpness, divergence: 1 } });
    harness.connect(1);
    for (let index = 0; index < answers; index++) {
      const open = openFrame({
        session: index,
        prompt: { kind: 'ids', ids: Int32Array.from(prompt) },
        sampling: plainSampling,
        seed: BigInt(index),
        tokensMax,
        mode: 'pipeline',
        scheme: 'agreement',
      });
      const answer = writeAnswer(harness, open, draft, { frames: [3], runsBetween: false }).join();
      counts.set(answer, (counts.get(answer) ?? 0) + 1);
    }
    assert.throws(() => check(counts));
  });
});
