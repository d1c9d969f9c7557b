// Plans drafts of the chain and, while a verdict is awaited, of branches for corrections it may
// bring. When a verdict follows a branch, that branch becomes the chain.

import { schemeTraits } from '../../../../math/scheme.js';
import { type Hint, modeTraits } from '../../../../protocol/frame.js';
import { showsDrafts } from '../../absence.js';
import type { GenerateRequest } from '../../event.js';
import type { SessionView } from '../../session-view.js';
import type { DeviceCoreSettings } from '../../settings.js';
import { chainRoom, isContextFull, mayDraft, runRequestOf } from '../chain-planner.js';
import type { Adoption, DraftAction, DraftPlanner } from '../draft-planner.js';
import type { GrownToken, Growth } from '../draft-runner.js';
import { holdLength, usualBranch } from '../hold-length.js';
import { AcceptanceModel } from './acceptance-model.js';
import { BranchCache, type BranchChoice } from './branch-cache.js';
import { BranchTally } from './branch-tally.js';

/** Most tokens of a branch: beyond them little of it would be left. */
const branchTokensMax = 16;

/** Some schemes correct drafts in ways that no draft predicts (MATH.md, Branches). */
export function holdsBranches(
  { ahead }: DeviceCoreSettings,
  { scheme, mode }: GenerateRequest,
): boolean {
  const isForeseen = schemeTraits[scheme].pick !== 'law';
  const { takesDrafts, writesUnasked } = modeTraits[mode];
  const mayHold = mode === 'auto';
  const isOffered = takesDrafts && (ahead.inRace || mayHold || !writesUnasked);
  return ahead.tokensMax > 0 && isForeseen && isOffered;
}

export class AheadPlanner implements DraftPlanner {
  readonly usesHints: boolean;
  readonly tally = new BranchTally();
  readonly #cache = new BranchCache();
  readonly #acceptanceModel = new AcceptanceModel();
  /** Arrival of the hint that is held. */
  #hintedMs = 0;
  /** A verdict or a hint has changed what is likely. */
  #isNew = false;
  /** A pass has just ended: a run that is stopped now loses nothing of the next. */
  #isBetweenPasses = false;

  constructor({ ahead, drafter }: DeviceCoreSettings) {
    this.usesHints = drafter !== null && ahead.usesHints;
  }

  plan(view: SessionView, nowMs: number): DraftAction {
    if (!mayDraft(view, nowMs)) return { kind: 'stop' };
    const mayBranch = wantsBranches(view) && !showsDrafts(view, nowMs);
    const unwanted = this.#unwanted(view, mayBranch, nowMs);
    const keep: DraftAction = { kind: 'keep', unwanted };
    const isBetweenPasses = this.#isBetweenPasses;
    this.#isBetweenPasses = false;
    const { growths } = view.drafting;
    if (growths.some((growth) => growth !== 'nothing' && !unwanted.includes(growth))) {
      const isOpen = growths.length === 1 && this.#isNew && isBetweenPasses && mayBranch;
      if (!isOpen || !this.#findsBetter(view, nowMs)) return keep;
    }
    const choice = this.#choose(view, view.drafting.chainMayGrow, mayBranch, nowMs);
    this.#isNew = false;
    if (choice === null || view.drafting.isBroken) return { kind: 'stop' };
    const { grows, countMax } = choice;
    // Runners-up make a draft slower.
    const runnersUpMax = isNeverHeld(view) ? 0 : view.settings.ahead.runnersUpMax;
    return { kind: 'start', grows, run: runRequestOf(view, countMax, runnersUpMax) };
  }

  /** Sequences to void: a chain that is full, branches that are not held any more. */
  #unwanted(view: SessionView, mayBranch: boolean, nowMs: number): Growth[] {
    const isFull = chainRoom(view, nowMs) <= 0;
    return view.drafting.growths.filter((growth) => {
      if (growth === 'nothing') return false;
      return growth === 'chain' ? isFull : !(mayBranch && this.#cache.holds(growth));
    });
  }

  /** Whether another run is now worth more than the current one. */
  #findsBetter(view: SessionView, nowMs: number): boolean {
    this.#isNew = false;
    const { growths, isRunning } = view.drafting;
    const choice = this.#choose(view, isRunning, true, nowMs);
    if (choice === null) return false;
    return choice.grows.length > 1 || choice.grows[0] !== growths[0];
  }

  #choose(
    view: SessionView,
    chainMayGrow: boolean,
    mayBranch: boolean,
    nowMs: number,
  ): BranchChoice | null {
    const { settings, timings, request } = view;
    const { contextLength, sequencesMax } = settings.drafter!;
    const mayGrow = chainMayGrow && !isContextFull(view);
    const room = mayGrow ? Math.max(0, chainRoom(view, nowMs)) : 0;
    if (!mayBranch) return room > 0 ? { grows: ['chain'], countMax: room } : null;
    const first = Math.min(room, firstCount(view) - view.text!.chain.length);
    if (first > 0) return { grows: ['chain'], countMax: first };
    return this.#cache.choose(view.text!.chain, {
      budget: settings.ahead,
      acceptanceModel: this.#acceptanceModel,
      acceptanceRate: Math.min(0.99, Math.max(0.01, timings.acceptanceRate)),
      chainRoom: room,
      branchTokensMax: Math.min(branchTokensMax, request.stopRule.draftLengthMax),
      lostCount: lostCount(view),
      // The target adds the last token itself.
      lengthMax: Math.min(contextLength + view.drafting.absentCount, view.endMax - 1),
      endOfText: settings.endOfText,
      sequencesMax,
      passCost: (rowCount) => timings.draftPass.cost(rowCount),
    });
  }

  drafted(grown: readonly GrownToken[]): void {
    this.#isBetweenPasses = true;
    for (const { grows, token } of grown) {
      if (grows === 'chain' || grows === 'nothing') continue;
      if (this.#cache.holds(grows)) {
        grows.drafted.push(token);
        this.tally.branchTokenCount++;
      } else {
        // Its verdict came during the pass.
        this.tally.branchWastedCount++;
      }
    }
  }

  /** Ignores a hint that is late or belongs to another chain. */
  hint(view: SessionView, { epoch, position, candidates, confidences }: Hint, nowMs: number): void {
    const { chain } = view.text!;
    const isOfChain = this.usesHints && epoch === chain.epoch && !chain.beginsEpoch;
    if (!isOfChain || position < chain.base || position > chain.end) {
      this.tally.lateHintCount++;
      return;
    }
    this.tally.hintCount++;
    this.#cache.hear({ position, candidates, confidences });
    this.#hintedMs = nowMs;
    this.#isNew = true;
  }

  learn(view: SessionView, firstVoid: number): void {
    const { log, chain } = view.text!;
    for (let position = chain.base; position <= firstVoid; position++) {
      const alternatives = chain.at(position)?.alternatives;
      if (alternatives === undefined || position >= log.length) continue;
      const rank = 1 + alternatives.tokens.indexOf(log.at(position));
      this.#acceptanceModel.learn(alternatives.gaps, position < firstVoid ? 0 : rank || null);
    }
  }

  advance(view: SessionView, nowMs: number): void {
    this.#closeHint(view, nowMs);
    this.#cache.advance(view.text!.log.length);
    this.#countDropped();
    this.#isNew = true;
  }

  settle(view: SessionView, firstVoid: number, nowMs: number): Adoption | null {
    this.#closeHint(view, nowMs);
    const hit = this.#cache.settle(view.text!.log, firstVoid);
    this.#countDropped();
    if (hit === null) {
      this.tally.branchMissCount++;
      return null;
    }
    const { branch, committedCount } = hit;
    const rest = branch.drafted.slice(committedCount);
    const tokens = rest.slice(0, Math.max(0, chainRoom(view, nowMs)));
    this.tally.branchUsedCount += committedCount + tokens.length;
    this.tally.branchWastedCount += rest.length - tokens.length;
    if (branch.source === 'hint') this.tally.hintHitCount++;
    else this.tally.runnerUpHitCount++;
    return { branch, committedCount, tokens, isWhole: tokens.length === rest.length };
  }

  #closeHint(view: SessionView, nowMs: number): void {
    const { hint } = this.#cache;
    const { log } = view.text!;
    if (hint === null || hint.position >= log.length) return;
    this.tally.hintLead.count++;
    this.tally.hintLead.totalMs += nowMs - this.#hintedMs;
    if (log.at(hint.position) === hint.candidates[0]) this.tally.hintRightCount++;
  }

  #countDropped(): void {
    this.tally.branchWastedCount += this.#cache.takeDropped();
  }

  release(): void {
    this.#cache.clear();
    this.#countDropped();
  }
}

/** In auto drafts leave soon after they are made, and the server goes on unless it pays to hold. */
const wantsBranches = (view: SessionView): boolean =>
  view.request.mode === 'auto' ? !isNeverHeld(view) : view.isAwaiting;

/** Whether no server holds for its drafts: no hold is longer than a pass. */
const isNeverHeld = ({ timings, request }: SessionView): boolean =>
  request.mode === 'auto' && (timings.roundTrip.mean ?? 0) >= (timings.pass.mean ?? 0);

/** Tokens that come too late: the server may go on while a correction is on its way. */
function lostCount({ timings, request }: SessionView): number {
  const { mean: passMs } = timings.pass;
  if (!modeTraits[request.mode].writesUnasked || passMs === null || passMs <= 0) return 0;
  const passes = (timings.roundTrip.mean ?? 0) / passMs;
  const isHeld = request.mode === 'auto' && paysToHold(timings.acceptanceRate, passes);
  return isHeld ? 0 : Math.floor(passes) + 1;
}

/** Whether a server holds for a usual branch (MATH.md, "Verify, draft, hold or step"). */
const paysToHold = (acceptanceRate: number, roundTripPasses: number): boolean =>
  roundTripPasses < (1 + acceptanceRate) * (1 - acceptanceRate ** (usualBranch + 1)) - 1;

/**
 * Tokens of the chain that come before any branch: in auto as many as a pass would best be held
 * for, since the server may be free; else a verdict is awaited, so that it is not.
 */
const firstCount = (view: SessionView): number =>
  view.request.mode === 'auto' ? holdLength(view) : 0;
