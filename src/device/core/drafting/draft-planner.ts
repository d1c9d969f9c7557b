// Defines the interface of draft planners. A planner reads a view of its answer and returns an
// action; it changes only its own guesses.

import type { DraftedToken } from '../../../engine/engine.js';
import type { Hint } from '../../../protocol/frame.js';
import type { SessionView } from '../session-view.js';
import type { AheadBranch } from './ahead/ahead-branch.js';
import type { BranchTally } from './ahead/branch-tally.js';
import type { GrownToken, Growth, RunRequest } from './draft-runner.js';

export type DraftAction =
  /** The current run goes on, without the unwanted sequences. */
  | { readonly kind: 'keep'; readonly unwanted: readonly Growth[] }
  | { readonly kind: 'stop' }
  /** Another run replaces the current one. */
  | {
      readonly kind: 'start';
      /** [n >= 1] the chain first where it is among them. */
      readonly grows: readonly (AheadBranch | 'chain')[];
      readonly run: RunRequest;
    };

/** A branch that matches the committed tokens. */
export interface Adoption {
  readonly branch: AheadBranch;
  /** Of its drafted tokens, how many are committed already. */
  readonly committedCount: number;
  /** Those after them that become the chain. */
  readonly tokens: readonly DraftedToken[];
  /** Whether the chain has room for all of them. */
  readonly isWhole: boolean;
}

export interface DraftPlanner {
  readonly usesHints: boolean;
  readonly tally: Readonly<BranchTally>;
  /** Plans the next run. The prompt is known, there is a drafter, the answer goes on. */
  plan(view: SessionView, nowMs: number): DraftAction;
  /** A pass of the drafter has brought these tokens; the chain already holds its own. */
  drafted(grown: readonly GrownToken[]): void;
  hint(view: SessionView, hint: Hint, nowMs: number): void;
  /** Learns from new tokens, before the chain moves. @param firstVoid where it stopped matching. */
  learn(view: SessionView, firstVoid: number): void;
  /** The chain stands, and the committed length has moved along it. */
  advance(view: SessionView, nowMs: number): void;
  /** The chain is empty, void from `firstVoid` on. @returns a branch that matches, or null. */
  settle(view: SessionView, firstVoid: number, nowMs: number): Adoption | null;
  /** The answer is over: counts the held tokens as wasted. */
  release(): void;
}
