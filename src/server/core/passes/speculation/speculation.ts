// What the planner of drafts is asked and what it answers. Drafts of a session may come from its
// device, from the server's draft model and from a look-up; the text is the same with any of them.

import type { PassShape } from '../../../../math/pass-time.js';

/** What time on the server costs. */
export interface SpeculationCosts {
  /** Milliseconds of a pass of the target. */
  readonly predict: (shape: PassShape) => number;
  /** Milliseconds of one step of the draft model over rows, >= 1; Infinity: there is none. */
  readonly draftStepMs: (rowCount: number) => number;
}

/** Drafts of a device that are on their way. */
export interface DraftArrival {
  /** When the next draft behind those in line is due, >= 0, and the time between later ones. */
  readonly firstMs: number;
  readonly tokenMs: number;
  /** How many come at once then; default: 1. */
  readonly firstCount?: number;
  /** They may come earlier instead; null or absent: they do not. */
  readonly early?: EarlyArrival | null;
  /** Chance that they follow the committed text so far and those in line, in [0, 1]. */
  readonly followChance: number;
  /** Chance of each to stand, given those before. */
  readonly chance: number;
}

/** The device may have drafted ahead for the correction that it has got. */
export interface EarlyArrival {
  /** Chance of it. */
  readonly share: number;
  readonly firstMs: number;
  readonly firstCount: number;
}

/** A session that wants its next token. */
export interface SpeculationSession {
  readonly key: number;
  /** Tokens its cache holds, and committed tokens that it lacks, >= 1. */
  readonly cacheLength: number;
  readonly missingCount: number;
  /** [draft] in line: chance of each to stand, given those before. The device's come first. */
  readonly chances: readonly number[];
  /** How many of those in line, at the end, the server's model has drafted. */
  readonly modelCount: number;
  readonly arrival: DraftArrival | null;
  /** [draft] of a look-up, behind those in line: chance of each, given those before. */
  readonly suffixChances: readonly number[];
  /** Chance of a token of the server's model, given those before; 0: it has none now. */
  readonly modelChance: number;
  /** Most tokens it may draft now. */
  readonly modelMax: number;
  /** Measured committed tokens per millisecond; 0 while unknown. */
  readonly tokensPerMs: number;
  /** Engine time that drafts may still cost this session (LossBudget.leftMs). */
  readonly budgetMs: number;
  /** By how long drafts of others may still delay this session; default: by any time. */
  readonly patienceMs?: number;
}

/** Part of a pass: drafts in line that are tested, and drafts of the look-up behind them. */
export interface PassShare {
  readonly key: number;
  readonly count: number;
  readonly suffixCount: number;
  /** To be charged to the session's budget. */
  readonly chargeMs: number;
}

/** Part of a stage of the draft model, which drafts behind what is in line. */
export interface StageShare {
  readonly key: number;
  readonly countMax: number;
  /** The draft ends early once the product of its own tokens' chances falls below. */
  readonly chanceMin: number;
  /** To be charged to the session's budget. */
  readonly chargeMs: number;
}

/** Charged to a session's budget for each millisecond held. */
export interface HoldShare {
  readonly key: number;
  readonly chargeShare: number;
}

export type SpeculationPlan =
  /** Leave the engine idle; plan again when drafts arrive or the time is over. */
  | { readonly kind: 'hold'; readonly forMs: number; readonly shares: readonly HoldShare[] }
  /** Run the draft model, then plan again with its drafts in line. */
  | { readonly kind: 'draft'; readonly shares: readonly StageShare[] }
  /** Run the target, for all sessions given. */
  | { readonly kind: 'pass'; readonly shares: readonly PassShare[] };
