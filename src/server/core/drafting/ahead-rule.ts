// Weighs the look-up against passes that the engine computes before they are asked for: those go on
// without the server knowing their results, so that they test no drafts.

import { mean } from '../../../math/statistics.js';
import { expectedCount } from './draft-line.js';

/** Passes computed ahead take no longer; a draft in their place throws them away. */
const aheadMsMax = 8;
/** What a pass that is begun before it is asked for saves. */
const aheadGainMs = 0.3;
/** Tokens between two look-ups meanwhile: chains that are worth a lead go on for longer. */
const lookEvery = 4;

/**
 * Whether passes computed ahead save more than the look-up does.
 *
 * @param gains [sessions >= 1] mean tokens that the look-up brings each session in a pass.
 * @param stepMs predicted milliseconds of a pass that tests no drafts.
 */
export const isAheadBetter = (gains: readonly number[], stepMs: number): boolean =>
  mean(gains) * stepMs < aheadGainMs;

/**
 * Whether drafts save all sessions together more time than the passes ahead have taken.
 *
 * @param chances [sessions >= 1] of each session's drafts, as for `expectedCount`.
 * @param addedMs predicted milliseconds by which they lengthen the pass that tests them.
 */
export const isWorthALead = (
  chances: readonly (readonly number[])[],
  stepMs: number,
  addedMs: number,
): boolean => mean(chances.map(expectedCount)) * stepMs - addedMs > aheadMsMax;

/** Whether to look up drafts while passes run ahead. @param turn tokens so far, of any start. */
export const isLookDue = (turn: number): boolean => turn % lookEvery === 0;
