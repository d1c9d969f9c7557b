// Tells how many drafts a server may best hold a pass for: a device in auto drafts and sends these
// first.

import type { SessionView } from '../session-view.js';

/** Before passes and drafts were measured: tokens of a branch that a verdict finds. */
export const usualBranch = 5;
/** No more are worth a hold. */
const countMax = 16;

/** Drafts worth the time of a hold, with an idle server and none in line; >= 1. */
export function holdLength({ timings }: Pick<SessionView, 'timings'>): number {
  const { mean: passMs } = timings.pass;
  const { mean: draftMs } = timings.draft;
  if (passMs === null || draftMs === null || draftMs <= 0) return usualBranch;
  let count = 1;
  let [tokens, next] = [1 + timings.acceptanceRate, timings.acceptanceRate ** 2];
  // One more draft is worth its time while it brings more than the mean rate so far.
  while (count < countMax && next * (passMs + count * draftMs) > tokens * draftMs) {
    count++;
    tokens += next;
    next *= timings.acceptanceRate;
  }
  return count;
}
