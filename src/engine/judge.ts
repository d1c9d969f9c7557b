// Judges the rows of one segment: turns logits into the verdict of its scheme, row by row, and stops at the first
// rejection. The schemes are math's; here they only meet the rows of a pass.

import { unreachable } from '../base/assert.js';
import { agreementToken, verifyAgreement } from '../math/agreement.js';
import { type Chance, keyedChance } from '../math/chance.js';
import { verifyCoupled } from '../math/coupled.js';
import { verifyFull } from '../math/full.js';
import { verifyGreedy } from '../math/greedy.js';
import type { Law } from '../math/law.js';
import { lawLogprobs, tokenLogprobs } from '../math/logprobs.js';
import { verifySplit } from '../math/split.js';
import type { Verdict } from '../math/verdict.js';
import type { Judge, VerdictLogprobs } from './engine.js';
import type { RowMath } from './row-math.js';
import type { Slot } from './slot.js';

export interface JudgedRows {
  /** [draftCount] */
  readonly drafts: Int32Array;
  /** Position of the token that row 0 predicts. */
  readonly from: number;
  /** Logits [vocab] of row 0 .. draftCount. */
  readonly row: (index: number) => Float32Array;
}

/**
 * The verdict on the drafts of one segment.
 *
 * @param slot its log ends right before the first draft; on return it is as it was.
 */
export function judgeRows(rows: JudgedRows, judge: Judge, slot: Slot, math: RowMath): Verdict {
  const before = slot.length;
  const load = (index: number): void => {
    // Row i has seen the drafts before it; rows are asked for in order.
    slot.push(rows.drafts.subarray(slot.length - before, index));
    math.load(rows.row(index), slot.sampling, slot.history, slot.mask);
  };
  const verdict = verdictOf(rows, judge, slot, math, load);
  slot.truncate(before);
  return verdict;
}

function verdictOf(
  rows: JudgedRows,
  judge: Judge,
  slot: Slot,
  math: RowMath,
  load: (index: number) => void,
): Verdict {
  const { drafts, from } = rows;
  const { sampling, keys } = slot;
  const lawAt = (index: number): Law => {
    load(index);
    return math.law(sampling);
  };
  const chanceAt = (index: number): Chance => keyedChance(keys.accept, keys.target, from + index);
  switch (judge.scheme) {
    case 'greedy':
      return verifyGreedy((index) => {
        load(index);
        return math.argmax();
      }, drafts);
    case 'coupled':
      return verifyCoupled((index) => {
        load(index);
        return math.coupledToken(sampling, keys.race, from + index);
      }, drafts);
    case 'agreement':
      return verifyAgreement((index) => agreementToken(lawAt(index), chanceAt(index)), drafts);
    case 'split':
      return verifySplit(lawAt, drafts, judge.draftProbs, chanceAt);
    case 'full':
      return verifyFull(lawAt, drafts, judge.draftLaws, chanceAt);
    default:
      return unreachable(judge);
  }
}

/**
 * Log-probabilities of what a verdict commits, from the rows as the model gave them.
 *
 * @param topCount in [0, 20].
 */
export function logprobsOfVerdict(
  { drafts, row }: JudgedRows,
  { acceptedCount, final }: Verdict,
  topCount: number,
): VerdictLogprobs {
  const accepted = drafts.subarray(0, acceptedCount);
  const tokens = Array.from(accepted, (token, index) => tokenLogprobs(row(index), token, topCount));
  const last = row(acceptedCount);
  if (final.kind === 'law') return { tokens, law: lawLogprobs(last, final.law, topCount) };
  return { tokens: [...tokens, tokenLogprobs(last, final.token, topCount)], law: null };
}
