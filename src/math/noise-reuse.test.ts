// Tests when a second draft of a position may reuse the random number of the discarded first:
// whenever no decision in between depended on the discarded draft. Proved over the cells of that
// number, in both cases.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { indexAtMass } from './chance.js';
import {
  plain,
  prompt,
  type TextLaw,
  targetOnly,
  textLaw,
  totalVariation,
  toyModel,
} from './exactness.suite.js';
import { probOf } from './law.js';
import { toDense } from './law.suite.js';
import { acceptProbability, residual } from './residual.js';

const vocabSize = 3;
const targetLawAt = toyModel(11n, vocabSize, plain);
const draftLawAt = toyModel(22n, vocabSize, plain);
const tokens = [0, 1, 2];

type Context = readonly number[];
type Add = (text: readonly number[], weight: number) => void;

/**
 * Intervals of [0, 1) within which the same number draws the same token after each context, by
 * their midpoints.
 */
function numberCells(contexts: readonly Context[]): { middle: number; width: number }[] {
  const edges = contexts.flatMap((context) => {
    let cumulative = 0;
    return Array.from(draftLawAt(context).probs, (prob) => {
      cumulative += prob;
      return Math.min(1, cumulative);
    });
  });
  const sorted = [0, ...edges, 1].sort((a, b) => a - b);
  return sorted
    .slice(1)
    .map((to, index) => ({ middle: (to + sorted[index]!) / 2, width: to - sorted[index]! }))
    .filter(({ width }) => width > 0);
}

const draftedBy = (context: Context, number: number): number =>
  indexAtMass(draftLawAt(context).probs, number);

/** Tests `draft` after `context` and adds the resulting text. */
function settle(context: Context, draft: number, weight: number, add: Add): void {
  const targetLaw = targetLawAt(context);
  const draftLaw = draftLawAt(context);
  const accept = acceptProbability(probOf(targetLaw, draft), probOf(draftLaw, draft));
  add([...context, draft], weight * accept);
  const left = toDense(residual(targetLaw, draftLaw).law, vocabSize);
  for (const token of tokens) add([...context, token], weight * (1 - accept) * left.probs[token]!);
}

/**
 * Two tokens are drafted. If the first is rejected, `draftsAgain` sees the discarded second draft
 * and decides whether the second position is drafted again or left to the target.
 *
 * @param isFresh whether the second attempt has a number of its own.
 */
function textOf(draftsAgain: (discarded: number) => boolean, isFresh: boolean): TextLaw {
  const law = new Map<string, number>();
  const add: Add = (text, weight) => {
    const label = text.slice(prompt.length).join();
    law.set(label, (law.get(label) ?? 0) + weight);
  };
  const second = (after: Context, number: number, isDrafted: boolean, weight: number): void => {
    if (isDrafted) settle(after, draftedBy(after, number), weight, add);
    else
      for (const token of tokens)
        add([...after, token], weight * probOf(targetLawAt(after), token));
  };
  for (const first of tokens) {
    const firstAfter = [...prompt, first];
    settle(prompt, first, probOf(draftLawAt(prompt), first), (after, weight) => {
      const isAccepted = after.at(-1) === first;
      for (const once of numberCells([firstAfter, after])) {
        const again = isFresh && !isAccepted ? numberCells([after]) : [{ ...once, width: 1 }];
        const isDrafted = isAccepted || draftsAgain(draftedBy(firstAfter, once.middle));
        for (const number of again) {
          second(after, number.middle, isDrafted, weight * once.width * number.width);
        }
      }
    });
  }
  return law;
}

const truth = textLaw(targetOnly(targetLawAt, vocabSize), prompt, 2);

test('a discarded draft that nothing looked at may share its number with the next', () => {
  assert.ok(
    totalVariation(
      textOf(() => true, false),
      truth,
    ) < 1e-12,
  );
});

test('a decision that looked at the discarded draft bends the text if the number is shared', () => {
  const distance = totalVariation(
    textOf((discarded) => discarded === 0, false),
    truth,
  );
  assert.ok(distance > 1e-3, `total variation ${distance}`);
});

test('with a number of its own for each attempt such a decision is harmless', () => {
  assert.ok(
    totalVariation(
      textOf((discarded) => discarded === 0, true),
      truth,
    ) < 1e-12,
  );
});
