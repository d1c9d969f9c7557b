// What the server core counts and how it looks from outside: one snapshot for `pilotfish top` and for /stats.
// Counts since the start; quantiles over the recent past.

import type { PassCost, PassTimeError } from '../../math/pass-time.js';
import type { Mode } from '../../protocol/frame.js';
import { type Quantiles, Recent } from './recent.js';

export interface CoreStats {
  readonly connectionCount: number;
  readonly sessionCount: number;
  readonly detachedCount: number;
  /** Sessions that are not over, by mode. */
  readonly sessionsByMode: { readonly [mode in Mode]: number };
  readonly slotCount: number;
  readonly slotsOwned: number;
  /** Sessions that have work and are not in the pass in flight. */
  readonly queueLength: number;
  /** Of them, sessions without a slot. */
  readonly waitingForSlot: number;
  readonly images: { readonly count: number; readonly bytes: number };
  readonly evictionCount: number;
  readonly restoreCount: number;
  readonly sharedTokenCount: number;
  readonly passCount: number;
  readonly passFailureCount: number;
  /** Tokens fed and rows judged by all passes. */
  readonly fedCount: number;
  readonly rowCount: number;
  /** Milliseconds in which a pass was in flight. */
  readonly busyMs: number;
  readonly committedCount: number;
  readonly testedCount: number;
  readonly acceptedCount: number;
  readonly verdictCount: number;
  readonly hintCount: number;
  readonly failureCount: number;
  /** Sessions judged, tokens fed, milliseconds of a pass. */
  readonly passSessions: Quantiles;
  readonly passTokens: Quantiles;
  readonly passMs: Quantiles;
  /** From the newest tested draft's arrival to its verdict. */
  readonly verdictMs: Quantiles;
  readonly passCost: PassCost;
  readonly passTimeError: PassTimeError;
}

/** The counters that only grow, and the recent past. */
export class Counters {
  passCount = 0;
  passFailureCount = 0;
  fedCount = 0;
  rowCount = 0;
  busyMs = 0;
  committedCount = 0;
  testedCount = 0;
  acceptedCount = 0;
  verdictCount = 0;
  hintCount = 0;
  failureCount = 0;
  readonly passSessions = new Recent();
  readonly passTokens = new Recent();
  readonly passMs = new Recent();
  readonly verdictMs = new Recent();

  get snapshot() {
    const { passSessions, passTokens, passMs, verdictMs, ...counts } = this;
    return {
      ...counts,
      passSessions: passSessions.quantiles,
      passTokens: passTokens.quantiles,
      passMs: passMs.quantiles,
      verdictMs: verdictMs.quantiles,
    };
  }
}
