// Forecasts the next verdicts: how likely the chain stands, and which token may replace one of its
// tokens, from the draft's runners-up and from a server's hint. A guess: it decides what is drafted
// next, never a text.

import type { DraftedToken } from '../../../../engine/engine.js';
import type { ChainView } from '../../draft-chain.js';
import type { AcceptanceModel } from './acceptance-model.js';
import type { BranchSource } from './ahead-branch.js';

/** The drafted tokens after the committed length. */
export type ChainTokens = Pick<ChainView, 'base' | 'end' | 'at'>;

/** A hint that may still come true: its position lies in [base, end] of the chain. */
export interface LiveHint {
  readonly position: number;
  /** [n >= 1], best first, and [n] the chances that all drafts before stand and it follows. */
  readonly candidates: Int32Array;
  readonly confidences: Float32Array;
}

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
export function forecastOutcomes(chain: ChainTokens, inputs: ForecastInputs): OutcomeForecast {
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
    // A hint about a later position implies that the chain reaches it.
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

/** Chance of the drafted token where a hint names candidates: its own, or one of the rest. */
function besideHint(hint: LiveHint, hinted: number, token: number, before: number): number {
  const rank = hint.candidates.indexOf(token);
  return rank >= 0 ? hint.confidences[rank]! : Math.min(before, Math.max(0, 1 - hinted));
}

function addHinted(
  outcomes: PossibleOutcome[],
  { position, candidates, confidences }: LiveHint,
  chain: ChainTokens,
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
