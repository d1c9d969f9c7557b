// Defines how much a device may draft ahead: tokens in branches, runners-up, hints.

/** Most branch tokens of an answer: beyond this a draft model's cache would hold little else. */
export const branchTokensLimit = 256;

/** Limits of drafting ahead. */
export interface AheadBudget {
  /** Most branch tokens held at once, in [0, branchTokensLimit]; 0: no branches. */
  readonly tokensMax: number;
  /** A branch grows while the next token becomes text with at least this chance, in (0, 1]. */
  readonly chanceMin: number;
  /** Runners-up asked of the drafter for each token, in [0, 8]. */
  readonly runnersUpMax: number;
  /** Whether the server's hints are asked for. */
  readonly usesHints: boolean;
  /** Whether branches are held in race too, where they gain little: the server goes on. */
  readonly inRace: boolean;
  /** `stop-and-wait`: whether the chain itself is drafted on while its verdict is awaited. */
  readonly ownContinuation: boolean;
}

/** Nothing but the chain: the least that a device can draft. */
export const aheadOff: AheadBudget = {
  tokensMax: 0,
  chanceMin: 1,
  runnersUpMax: 0,
  usesHints: false,
  inRace: false,
  ownContinuation: true,
};

/** Best in lab/decisions/drafting-ahead.md: nothing in race, branches and hints elsewhere. */
export const aheadDefaults: AheadBudget = {
  tokensMax: 24,
  chanceMin: 0.01,
  runnersUpMax: 3,
  usesHints: true,
  inRace: false,
  ownContinuation: true,
};
