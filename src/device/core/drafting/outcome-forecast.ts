// What the verdicts to come may say: how likely the chain stands, and which token may replace which of its tokens, from
// the draft's own runners-up and from a hint of the server. Pure guesses: they decide what is drafted next, never a text.

import type { DraftedToken } from '../../../engine/engine.js';
import type { AcceptanceModel } from './acceptance-model.js';

/** The drafted tokens behind the committed length. */
export interface ChainView {
  readonly base: number;
  readonly end: number;
  at(position: number): DraftedToken | null;
}

/** What a Hint says, while it may be true: the position lies in [base, end] of the chain. */
export interface LiveHint {
  readonly position: number;
  /** [n >= 1], best first, and [n] the chance that all drafts before `position` stand and this token follows. */
  readonly candidates: Int32Array;
  readonly confidences: Float32Array;
}

export type BranchSource = 'runner-up' | 'hint';

/** The chain stands below `position`, and another token is there. */
export interface PossibleOutcome {
  readonly position: number;
  readonly token: number;
  readonly source: BranchSource;
  readonly chance: number;
}

export interface OutcomeForecast {
  readonly outcomes: readonly PossibleOutcome[];
  /** Chance that all of the chain stands. */
  readonly chainChance: number;
}

/** What the guesses rest on. */
export interface ForecastInputs {
  readonly acceptanceModel: AcceptanceModel;
  /** Of a token whose runners-up are not known. */
  readonly acceptanceRate: number;
  readonly usesRunnersUp: boolean;
  readonly hint: LiveHint | null;
  /** Outcomes less likely than this are left out. */
  readonly chanceMin: number;
}

/** @param chain up to what a verdict has not yet decided. */
export function forecastOutcomes(chain: ChainView, inputs: ForecastInputs): OutcomeForecast {
  const outcomes: PossibleOutcome[] = [];
  const { hint, chanceMin } = inputs;
  const hinted = hint?.confidences.reduce((sum, confidence) => sum + confidence, 0) ?? 0;
  let reach = 1;
  for (let position = chain.base; position < chain.end; position++) {
    if (reach < chanceMin && (hint === null || position > hint.position)) break;
    const drafted = chain.at(position)!;
    if (position === hint?.position) {
      reach = besideHint(hint, hinted, drafted.token, reach * ownChance(drafted, inputs));
      continue;
    }
    addRunnersUp(outcomes, drafted, reach, inputs);
    reach *= ownChance(drafted, inputs);
    // What an exit thinks to follow the chain here, the chain has to reach.
    if (hint !== null && position < hint.position) reach = Math.max(reach, Math.min(1, hinted));
  }
  if (hint !== null) addHinted(outcomes, hint, chain, chanceMin);
  if (hint?.position === chain.end) reach = Math.max(0, Math.min(reach, 1 - hinted));
  return { outcomes, chainChance: reach };
}

function ownChance(
  { alternatives }: DraftedToken,
  { acceptanceModel, acceptanceRate }: ForecastInputs,
): number {
  return alternatives === undefined
    ? acceptanceRate
    : acceptanceModel.chances(alternatives.gaps)[0]!;
}

function addRunnersUp(
  outcomes: PossibleOutcome[],
  { position, alternatives }: DraftedToken,
  reach: number,
  { acceptanceModel, usesRunnersUp, chanceMin }: ForecastInputs,
): void {
  if (!usesRunnersUp || alternatives === undefined) return;
  const chances = acceptanceModel.chances(alternatives.gaps);
  alternatives.tokens.forEach((token, index) => {
    const chance = reach * chances[index + 1]!;
    if (chance >= chanceMin) outcomes.push({ position, token, source: 'runner-up', chance });
  });
}

/** Chance that the drafted token stands where a hint names candidates: theirs, or its share of what they leave. */
function besideHint(hint: LiveHint, hinted: number, token: number, before: number): number {
  const rank = hint.candidates.indexOf(token);
  return rank >= 0 ? hint.confidences[rank]! : Math.min(before, Math.max(0, 1 - hinted));
}

function addHinted(
  outcomes: PossibleOutcome[],
  { position, candidates, confidences }: LiveHint,
  chain: ChainView,
  chanceMin: number,
): void {
  const own = chain.at(position)?.token;
  candidates.forEach((token, rank) => {
    const chance = confidences[rank]!;
    const isNew = token !== own && candidates.indexOf(token) === rank;
    if (isNew && chance >= chanceMin) {
      outcomes.push({ position, token, source: 'hint', chance });
    }
  });
}
