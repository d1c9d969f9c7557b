// A property of all runs, watched while one runs. Each lives in a file of its own and has a canary in canary.ts: a bug
// that it must catch, or it proves nothing.

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

/** What a checker knows of its run. */
export interface CheckerContext {
  /** Not before the run begins. */
  readonly world: () => World;
  /** The property is broken; the run ends after the event at hand. */
  readonly violate: (check: CheckName, message: string) => void;
}

export type MakeChecker = (context: CheckerContext) => Observer;
