// Checks what a client may be told of drafting ahead and of traffic shaping, and fills in defaults.

import { PilotfishError } from '../base/error.js';
import { noShaping, type TrafficShaping } from '../protocol/frame.js';
import { checkShaping } from '../protocol/frame-check.js';
import {
  type AheadBudget,
  aheadDefaults,
  branchTokensLimit,
} from './core/drafting/ahead/ahead-budget.js';

/** @throws PilotfishError `usage`. */
export function fullShaping(shaping: Partial<TrafficShaping> | undefined): TrafficShaping {
  const wanted = { ...noShaping, ...shaping };
  const complaint = checkShaping(wanted);
  if (complaint !== null) throw usage(complaint.message);
  return wanted;
}

/** @throws PilotfishError `usage`. */
export function fullAhead(ahead: Partial<AheadBudget> | undefined): AheadBudget {
  const budget = { ...aheadDefaults, ...ahead };
  const { tokensMax, chanceMin, runnersUpMax } = budget;
  if (!(Number.isInteger(tokensMax) && tokensMax >= 0 && tokensMax <= branchTokensLimit)) {
    throw usage(`ahead.tokensMax ${tokensMax} is not a whole number in [0, ${branchTokensLimit}]`);
  }
  if (!(chanceMin > 0 && chanceMin <= 1)) {
    throw usage(`ahead.chanceMin ${chanceMin} is outside (0, 1]`);
  }
  if (!(Number.isInteger(runnersUpMax) && runnersUpMax >= 0 && runnersUpMax <= 8)) {
    throw usage(`ahead.runnersUpMax ${runnersUpMax} is not a whole number in [0, 8]`);
  }
  return budget;
}

const usage = (message: string): PilotfishError => new PilotfishError('usage', message);
