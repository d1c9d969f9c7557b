// Defines a branch: tokens drafted for one correction that a verdict may bring.

import type { DraftedToken } from '../../../../engine/engine.js';

export type BranchSource = 'runner-up' | 'hint';

export interface AheadBranch {
  /** Position of its first token, which was guessed, not drafted. */
  readonly position: number;
  readonly token: number;
  readonly source: BranchSource;
  /** Tokens after the first. */
  readonly drafted: DraftedToken[];
  /** The drafter cannot continue it. */
  isClosed: boolean;
}
