// Defines checkers: a property of all runs, watched while one runs. Each is a file of its own and
// has a canary in canary.ts: a bug it must catch.

import type { Observer } from '../observer.js';
import type { World } from '../world.js';

export const checkNames = [
  'exactness',
  'verdicts',
  'continuity',
  'liveness',
  'conduct',
  'slots',
  'tokens',
  'bounds',
] as const;
export type CheckName = (typeof checkNames)[number];

/** A run as its checkers see it. */
export interface CheckerContext {
  /** Not before the run begins. */
  readonly world: () => World;
  /** Reports a violation; the run ends after the current event. */
  readonly violate: (check: CheckName, message: string) => void;
}

export type MakeChecker = (context: CheckerContext) => Observer;
