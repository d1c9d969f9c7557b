// What the scheduler asks of the server's drafting when the target is free, and what it is told.

import type { Predict } from '../passes/batch.js';
import type { Session } from '../session.js';
import type { DraftLine } from './draft-line.js';
import type { StagePart } from './model-drafter.js';

export type SpeculationStep =
  | { readonly kind: 'pass'; readonly lines: ReadonlyMap<Session, DraftLine> }
  | { readonly kind: 'stage'; readonly parts: readonly StagePart[] }
  | { readonly kind: 'wait'; readonly untilMs: number };

export interface PassCosts {
  readonly predict: Predict;
  /** Drafts of a device that are tested of a session without advice. */
  readonly firstDraftLength: number;
  /** Mean length of caches. */
  readonly contextLength: number;
}
