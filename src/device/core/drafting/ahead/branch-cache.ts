// Caches branches, keyed by the position and the token that would follow the committed ones, and
// chooses what to draft next: the tokens most likely to become text, several in one pass where that
// is cheaper. Bounded by a budget; holds only guesses.

import type { Committed } from '../../reconcile.js';
import type { Adoption } from '../draft-planner.js';
import type { AcceptanceModel } from './acceptance-model.js';
import type { AheadBranch } from './ahead-branch.js';
import type { AheadBudget } from './ahead-budget.js';
import {
  type ChainTokens,
  forecastOutcomes,
  type LiveHint,
  type PossibleOutcome,
} from './outcome-forecast.js';

export interface BranchChoice {
  /** [1 to sequencesMax] grow side by side in one pass, the chain first where it is among them. */
  readonly grows: readonly (AheadBranch | 'chain')[];
  /** Tokens of each before something else is better, >= 1; 1 where there are several. */
  readonly countMax: number;
}

export interface AheadInputs {
  readonly budget: AheadBudget;
  readonly acceptanceModel: AcceptanceModel;
  /** In (0, 1). */
  readonly acceptanceRate: number;
  /** Tokens that the chain may still grow by; 0: it may not. */
  readonly chainRoom: number;
  /** Most tokens of one branch, >= 1. */
  readonly branchTokensMax: number;
  /** First tokens of a branch that come too late, >= 0: in race the server writes them. */
  readonly lostCount: number;
  /** At this position nothing more is drafted: the drafter's context or the answer is full. */
  readonly lengthMax: number;
  readonly endOfText: ReadonlySet<number>;
  /** Most sequences in one pass of the drafter, >= 1. */
  readonly sequencesMax: number;
  /** Cost of a pass with so many rows, in units of one with a single row, >= 1. */
  readonly passCost: (rowCount: number) => number;
}

/** Something to draft a token of, and the chance that this token becomes text. */
interface Valued {
  readonly grows: AheadBranch | 'chain';
  /** In (0, 1]. */
  readonly value: number;
}

export class BranchCache {
  #branches: AheadBranch[] = [];
  #hint: LiveHint | null = null;
  #dropped = 0;

  get tokenCount(): number {
    return this.#branches.reduce((sum, { drafted }) => sum + drafted.length, 0);
  }

  holds(branch: AheadBranch): boolean {
    return this.#branches.includes(branch);
  }

  /** The hint that may still come true. */
  get hint(): LiveHint | null {
    return this.#hint;
  }

  hear(hint: LiveHint): void {
    this.#hint = hint;
  }

  /** Chooses the draft that brings the most text for its time; null: none is worth it. */
  choose(chain: ChainTokens, inputs: AheadInputs): BranchChoice | null {
    const { budget, acceptanceModel, acceptanceRate, chainRoom, passCost } = inputs;
    const usesRunnersUp = budget.runnersUpMax > 0;
    const { chanceMin } = budget;
    const guess = { acceptanceModel, acceptanceRate, usesRunnersUp, hint: this.#hint, chanceMin };
    const { outcomes, chainChance } = forecastOutcomes(chain, guess);
    if (this.tokenCount >= budget.tokensMax) this.#forgetHopeless(outcomes);
    const room = Math.max(0, budget.tokensMax - this.tokenCount);
    const valued = room === 0 ? [] : this.#value(outcomes, inputs).slice(0, room);
    if (chainRoom > 0) insert(valued, { grows: 'chain', value: chainChance * acceptanceRate });
    const [best, second] = valued;
    if (best === undefined) return null;
    const count = sideBySide(valued, inputs.sequencesMax, passCost);
    const chosen = valued.slice(0, count).map(({ grows }) => grows);
    this.#remember(chosen);
    if (count > 1) return { grows: chainFirst(chosen), countMax: 1 };
    // The second best joins as soon as its row is worth the time that it adds to the pass.
    const joining = inputs.sequencesMax > 1 ? Math.min(1, passCost(2) - 1) : 1;
    const rival = second === undefined ? 0 : second.value / joining;
    const { grows, value } = best;
    if (grows === 'chain') {
      return { grows: chosen, countMax: countUntil(rival, value, acceptanceRate, chainRoom) };
    }
    const countMax = Math.min(roomOf(grows, inputs), room);
    const other = Math.max(rival, chanceMin);
    return { grows: chosen, countMax: countUntil(other, value, acceptanceRate, countMax) };
  }

  /** Branches that may still grow, the best first. */
  #value(outcomes: readonly PossibleOutcome[], inputs: AheadInputs): Valued[] {
    const { acceptanceModel, acceptanceRate, budget, lostCount, endOfText } = inputs;
    const valued: Valued[] = [];
    for (const outcome of outcomes) {
      if (endOfText.has(outcome.token)) continue;
      const branch = this.#find(outcome) ?? { ...outcome, drafted: [], isClosed: false };
      if (branch.isClosed || roomOf(branch, inputs) <= 0) continue;
      let value = outcome.chance * acceptanceRate;
      for (const { alternatives } of branch.drafted) {
        value *= alternatives ? acceptanceModel.chances(alternatives.gaps)[0]! : acceptanceRate;
      }
      value *= acceptanceRate ** Math.max(0, lostCount - branch.drafted.length);
      if (value >= budget.chanceMin) valued.push({ grows: branch, value });
    }
    return valued.sort((a, b) => b.value - a.value);
  }

  #find({ position, token }: Pick<PossibleOutcome, 'position' | 'token'>): AheadBranch | undefined {
    return this.#branches.find((one) => one.position === position && one.token === token);
  }

  /** Holds the chosen branches. */
  #remember(chosen: readonly (AheadBranch | 'chain')[]): void {
    for (const one of chosen) {
      if (one !== 'chain' && !this.#branches.includes(one)) this.#branches.push(one);
    }
  }

  /** Drops branches of outcomes that have become too unlikely. */
  #forgetHopeless(outcomes: readonly PossibleOutcome[]): void {
    const alive = new Set(outcomes.map((outcome) => this.#find(outcome)));
    this.#dropped += this.#dropWhere((branch) => !alive.has(branch));
  }

  /** Drafted tokens of forgotten branches since the last call. */
  takeDropped(): number {
    const dropped = this.#dropped;
    this.#dropped = 0;
    return dropped;
  }

  #dropWhere(isDropped: (branch: AheadBranch) => boolean): number {
    const dropped = this.#branches.filter(isDropped);
    this.#branches = this.#branches.filter((branch) => !dropped.includes(branch));
    return dropped.reduce((sum, { drafted }) => sum + drafted.length, 0);
  }

  /**
   * The branch that the committed tokens have followed; drops all others.
   *
   * @param firstVoid where the chain stopped matching: a branch beyond followed a wrong token.
   */
  settle(log: Committed, firstVoid: number): Pick<Adoption, 'branch' | 'committedCount'> | null {
    const stands = (branch: AheadBranch) => branch.position <= firstVoid && followsLog(branch, log);
    const hit = this.#branches.find(stands) ?? null;
    this.#branches = this.#branches.filter((branch) => branch !== hit);
    this.clear();
    if (hit === null) return null;
    return { branch: hit, committedCount: log.length - hit.position - 1 };
  }

  /** Drops branches and hints below `base`: the chain stands up to there. */
  advance(base: number): void {
    this.#dropped += this.#dropWhere(({ position }) => position < base);
    if (this.#hint !== null && this.#hint.position < base) this.#hint = null;
  }

  /** Drops everything: the chain is void. */
  clear(): void {
    this.#dropped += this.#dropWhere(() => true);
    this.#hint = null;
  }
}

/** Tokens that a branch may still grow by. */
function roomOf(
  { position, drafted }: AheadBranch,
  { branchTokensMax, lengthMax }: AheadInputs,
): number {
  return Math.min(branchTokensMax - drafted.length, lengthMax - position - 1 - drafted.length);
}

/** Whether the branch matches all committed tokens from its position on. */
function followsLog({ position, token, drafted }: AheadBranch, log: Committed): boolean {
  if (position >= log.length || position + 1 + drafted.length < log.length) return false;
  if (log.at(position) !== token) return false;
  return drafted.every((one) => one.position >= log.length || log.at(one.position) === one.token);
}

/** Inserts by value, before equals. */
function insert(valued: Valued[], one: Valued): void {
  const index = valued.findIndex(({ value }) => value <= one.value);
  valued.splice(index < 0 ? valued.length : index, 0, one);
}

/** How many of the best share a pass: the number that brings the most text for its time. */
function sideBySide(
  valued: readonly Valued[],
  sequencesMax: number,
  passCost: AheadInputs['passCost'],
): number {
  let [best, bestRate, sum] = [1, 0, 0];
  for (const [index, { value }] of valued.slice(0, sequencesMax).entries()) {
    sum += value;
    const rate = sum / passCost(index + 1);
    if (rate > bestRate) [best, bestRate] = [index + 1, rate];
  }
  return best;
}

const chainFirst = (chosen: readonly (AheadBranch | 'chain')[]): (AheadBranch | 'chain')[] => [
  ...chosen.filter((one) => one === 'chain'),
  ...chosen.filter((one) => one !== 'chain'),
];

/** Tokens before the value, times `rate` each, falls below another. In [1, max]. */
function countUntil(other: number, value: number, rate: number, max: number): number {
  let count = 1;
  while (count < max && value * rate ** count >= other) count++;
  return count;
}
