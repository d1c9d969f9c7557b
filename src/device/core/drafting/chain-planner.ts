// Plans drafts of the chain alone: drafts while the window has room, rests otherwise. Requests no
// hints and holds no branches.

import { modeTraits } from '../../../protocol/frame.js';
import { limits } from '../../../protocol/limits.js';
import { showsDrafts } from '../absence.js';
import { tellsChances } from '../draft-frames.js';
import type { SessionView } from '../session-view.js';
import { BranchTally } from './ahead/branch-tally.js';
import type { DraftAction, DraftPlanner } from './draft-planner.js';
import type { RunRequest } from './draft-runner.js';
import { wantsConfidence } from './stop-rule.js';

export class ChainPlanner implements DraftPlanner {
  readonly usesHints = false;
  readonly tally = new BranchTally();

  plan(view: SessionView, nowMs: number): DraftAction {
    if (!mayDraft(view, nowMs)) return { kind: 'stop' };
    const { isRunning, chainMayGrow } = view.drafting;
    const countMax = chainRoom(view, nowMs);
    if (countMax <= 0) return { kind: 'stop' };
    if (isRunning || !chainMayGrow || isContextFull(view)) return { kind: 'keep', unwanted: [] };
    return { kind: 'start', grows: ['chain'], run: runRequestOf(view, countMax, 0) };
  }

  /** Counts a hint that was not requested. */
  hint(): void {
    this.tally.lateHintCount++;
  }

  settle(): null {
    return null;
  }

  drafted(): void {}
  learn(): void {}
  advance(): void {}
  release(): void {}
}

/** Whether the drafter may work at all. */
export function mayDraft(view: SessionView, nowMs: number): boolean {
  // The chain after a residual token begins when that is drawn.
  if (view.residual?.isOpen) return false;
  if (showsDrafts(view, nowMs)) return true;
  return modeTraits[view.request.mode].takesDrafts && view.draftAllowance > 0;
}

/** Tokens that the chain may still grow by; below 1: none. */
export function chainRoom(view: SessionView, nowMs: number): number {
  const { chain } = view.text!;
  const isShown = showsDrafts(view, nowMs);
  // The target adds the last token itself, unless it may never come.
  const toEnd = view.endMax - chain.end - (isShown ? 0 : 1);
  const window = isShown ? limits.windowTokens.value : windowOf(view);
  return Math.min(toEnd, window - chain.length, isShown ? Infinity : view.draftAllowance);
}

function windowOf({ request, windowMax, settings, isAwaiting }: SessionView): number {
  const granted = windowMax > 0 ? windowMax : request.windowMax;
  if (request.mode !== 'stop-and-wait') return granted;
  const { draftLengthMax } = request.stopRule;
  if (isAwaiting && !settings.ahead.ownContinuation) return 0;
  // A round, and as much again drafted ahead of its verdict.
  return Math.min(granted, 2 * draftLengthMax);
}

/** Whether the drafter's context has no room for more of the chain. */
export const isContextFull = ({ text, settings, drafting }: SessionView): boolean =>
  text!.chain.end - drafting.absentCount >= settings.drafter!.contextLength;

/** @param alternativesMax runners-up wanted of each token. */
export function runRequestOf(
  view: SessionView,
  countMax: number,
  alternativesMax: number,
): RunRequest {
  const { stopRule, mode } = view.request;
  const isRound = mode === 'stop-and-wait';
  const endsUnsure = stopRule.kind === 'confidence' && !isRound;
  return {
    countMax,
    // A round that ends for lack of confidence is continued ahead: the sender decides there.
    confidenceMin: endsUnsure ? stopRule.confidenceMin : 0,
    wantConfidence: tellsChances(view) || (isRound && wantsConfidence(stopRule)),
    alternativesMax,
  };
}
