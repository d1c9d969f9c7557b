// Decides when a draft is long enough to be sent: at a fixed length, at the length that suits the
// measured times, at the first unsure token (SLED, arXiv 2506.09397), or where the next token costs
// more than it can save.

import { assert } from '../../../base/assert.js';
import { bestDraftLength } from '../../../math/draft-length.js';
import { expectedTokens } from '../../../math/expected-tokens.js';
import type { TimingsView } from './timings.js';

/** `draftLengthMax` bounds every rule; >= 1. */
export type StopRule =
  | { readonly kind: 'fixed'; readonly draftLengthMax: number }
  | { readonly kind: 'adaptive'; readonly draftLengthMax: number }
  | {
      readonly kind: 'confidence';
      readonly draftLengthMax: number;
      /** In (0, 1]: the draft ends after the first token less sure than this. */
      readonly confidenceMin: number;
    }
  | { readonly kind: 'gain'; readonly draftLengthMax: number };

/** Whether the rule looks at confidences, which cost a softmax a token. */
export function wantsConfidence(rule: StopRule): boolean {
  return rule.kind === 'confidence' || rule.kind === 'gain';
}

/** Length used while the times are not known yet. */
const firstLength = 4;

/** Most tokens of the next round, in [1, draftLengthMax]. */
export function roundLength(rule: StopRule, timings: TimingsView): number {
  if (rule.kind !== 'adaptive') return rule.draftLengthMax;
  const times = timings.roundTimes;
  if (times === null) return Math.min(firstLength, rule.draftLengthMax);
  const inputs = { ...times, acceptanceRate: timings.acceptanceRate, rowMs: 0, load: 0 };
  return Math.max(1, bestDraftLength(inputs, rule.draftLengthMax));
}

/** Whether to send a draft, not continue it. @param confidences [n] so far; null: not computed. */
export function isRoundOver(
  rule: StopRule,
  timings: TimingsView,
  confidences: readonly (number | null)[],
): boolean {
  if (confidences.length === 0) return false;
  if (confidences.length >= roundLength(rule, timings)) return true;
  if (rule.kind === 'confidence') {
    // Of tokens drafted ahead, any may be the unsure one.
    return confidences.some((confidence) => (confidence ?? 1) < rule.confidenceMin);
  }
  return rule.kind === 'gain' && !nextPays(timings, confidences);
}

/**
 * A further token matters if all before it stand and it does too; it then saves the time that a
 * token takes at the pace of the round so far. The ratio of expected tokens to time is best where
 * the last token just pays for itself (Dinkelbach 1967 on ratios).
 */
function nextPays(timings: TimingsView, confidences: readonly (number | null)[]): boolean {
  const times = timings.roundTimes;
  if (times === null) return confidences.length < firstLength;
  const rate = timings.acceptanceRate;
  let stands = 1;
  let expected = 1;
  for (const confidence of confidences) {
    // A confidence is the draft's own estimate; the measured rate corrects an overconfident one.
    stands *= confidence === null ? rate : Math.sqrt(confidence * rate);
    expected += stands;
  }
  const spentMs = times.verifyMs + times.roundTripMs + confidences.length * times.draftMs;
  return stands * rate * (spentMs / expected) > times.draftMs;
}

/**
 * Length of the next round, of which the tokens drafted ahead cost nothing.
 *
 * @param readyCount tokens drafted ahead, >= 0.
 * @returns >= readyCount, at most draftLengthMax or readyCount.
 */
export function lengthWithHeadStart(
  rule: StopRule,
  timings: TimingsView,
  readyCount: number,
): number {
  const lengthMax = roundLength(rule, timings);
  const times = timings.roundTimes;
  if (readyCount === 0 || readyCount >= lengthMax || times === null) {
    return Math.max(readyCount, lengthMax);
  }
  assert(times.draftMs >= 0, `draft time ${times.draftMs} is below 0`);
  let best = readyCount;
  let bestMs = Infinity;
  for (let length = readyCount; length <= lengthMax; length++) {
    const ms = times.verifyMs + times.roundTripMs + (length - readyCount) * times.draftMs;
    const tokenMs = ms / expectedTokens(timings.acceptanceRate, length);
    if (tokenMs < bestMs) [best, bestMs] = [length, tokenMs];
  }
  return best;
}
