// Judges the rows of one segment: turns logits into the verdict of its scheme, row by row, and
// stops at the first rejection. The schemes are in math; this file applies them to the rows of a
// pass.

import { unreachable } from '../base/assert.js';
import { agreementToken, verifyAgreement } from '../math/agreement.js';
import { type Chance, keyedChance } from '../math/chance.js';
import { verifyCoupled } from '../math/coupled.js';
import { verifyFull } from '../math/full.js';
import { verifyGreedy } from '../math/greedy.js';
import type { Law } from '../math/law.js';
import { lawLogprobs, tokenLogprobs } from '../math/logprobs.js';
import { verifySplit } from '../math/split.js';
import type { TokenMask } from '../math/token-mask.js';
import type { MayTest, Verification } from '../math/verification.js';
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
 * @param slot its log ends right before the first draft; it is restored on return.
 * @param mayMask whether the segment may make one more mask; if not, no more drafts are tested.
 */
export function judgeRows(
  rows: JudgedRows,
  judge: Judge,
  slot: Slot,
  math: RowMath,
  mayMask: () => boolean,
): Verification {
  const before = slot.length;
  // Row i has seen the drafts before it; rows are asked for in order.
  const maskAt = (index: number): TokenMask | null => {
    slot.push(rows.drafts.subarray(slot.length - before, index));
    return slot.mask;
  };
  const walk = {
    load: (index: number) => math.load(rows.row(index), slot.sampling, slot.history, maskAt(index)),
    // The work on a row's mask depends only on the drafts before it: see MayTest.
    mayTest: (index: number) => {
      maskAt(index);
      return mayMask();
    },
  };
  const verdict = verdictOf(rows, judge, slot, math, walk);
  slot.truncate(before);
  return verdict;
}

interface Walk {
  /** Makes a row the current one. */
  readonly load: (index: number) => void;
  readonly mayTest: MayTest;
}

function verdictOf(
  rows: JudgedRows,
  judge: Judge,
  slot: Slot,
  math: RowMath,
  { load, mayTest }: Walk,
): Verification {
  const { drafts, from } = rows;
  const { sampling, keys } = slot;
  const lawAt = (index: number): Law => {
    load(index);
    return math.law(sampling);
  };
  const chanceAt = (index: number): Chance => keyedChance(keys.accept, keys.target, from + index);
  switch (judge.scheme) {
    case 'greedy': {
      const tokenAt = (index: number): number => {
        load(index);
        return math.argmax();
      };
      return verifyGreedy(tokenAt, drafts, mayTest);
    }
    case 'coupled': {
      const tokenAt = (index: number): number => {
        load(index);
        return math.coupledToken(sampling, keys.race, from + index);
      };
      return verifyCoupled(tokenAt, drafts, mayTest);
    }
    case 'agreement': {
      const tokenAt = (index: number): number => agreementToken(lawAt(index), chanceAt(index));
      return verifyAgreement(tokenAt, drafts, mayTest);
    }
    case 'split':
      return verifySplit(lawAt, drafts, judge.draftProbs, chanceAt, mayTest);
    case 'full':
      return verifyFull(lawAt, drafts, judge.draftLaws, chanceAt, mayTest);
    default:
      return unreachable(judge);
  }
}

/**
 * Log-probabilities of the tokens that a verdict commits, from the model's own rows.
 *
 * @param topCount in [0, 20].
 */
export function logprobsOfVerdict(
  { drafts, row }: JudgedRows,
  { acceptedCount, final }: Verification,
  topCount: number,
): VerdictLogprobs {
  const accepted = drafts.subarray(0, acceptedCount);
  const tokens = Array.from(accepted, (token, index) => tokenLogprobs(row(index), token, topCount));
  const last = row(acceptedCount);
  if (final.kind === 'law') return { tokens, law: lawLogprobs(last, final.law, topCount) };
  return { tokens: [...tokens, tokenLogprobs(last, final.token, topCount)], law: null };
}
