// Finds the draft length with the least time per token of stop-and-wait, and how it falls as the
// server's load rises. A model fed with measured numbers. Derivation: MATH.md, "Draft length".

import { assert } from '../base/assert.js';
import { expectedTokens } from './expected-tokens.js';

/** What the best draft length depends on, as measured; times in milliseconds. */
export interface DraftLengthInputs {
  /** Alpha, in [0, 1]. */
  readonly acceptanceRate: number;
  /** Drafting one token, >= 0. */
  readonly draftMs: number;
  /** A pass over a single row, > 0. */
  readonly verifyMs: number;
  /** Each further row of a pass, >= 0. Near 0 if memory-bound, near verifyMs if compute-bound. */
  readonly rowMs: number;
  /** Message up and verdict down, >= 0. */
  readonly roundTripMs: number;
  /** Share of the server's time in use, in [0, 1). */
  readonly load: number;
}

/** A round costs `fixedMs`, plus `draftMs` for each draft. Both include the server's queue. */
interface RoundCost {
  readonly fixedMs: number;
  readonly draftMs: number;
}

/**
 * Time on a busy server stretches by 1 / (1 - load), the mean sojourn of a queue that shares one
 * processor. At load 0 the optimum minimises the session's own latency, near load 1 the server time
 * per token. A compute-bound target then gets no drafts, since they cost as much as the tokens they
 * replace.
 */
function roundCost(inputs: DraftLengthInputs): RoundCost {
  const { draftMs, verifyMs, rowMs, roundTripMs, load } = inputs;
  assert(load >= 0 && load < 1, `load ${load} is outside [0, 1)`);
  const stretch = 1 / (1 - load);
  return { fixedMs: roundTripMs + verifyMs * stretch, draftMs: draftMs + rowMs * stretch };
}

/**
 * Milliseconds per token at a draft length: (gamma * draft + fixed) / E.
 *
 * @param draftLength gamma, >= 0.
 */
export function tokenMsAt(inputs: DraftLengthInputs, draftLength: number): number {
  const { fixedMs, draftMs } = roundCost(inputs);
  return (draftLength * draftMs + fixedMs) / expectedTokens(inputs.acceptanceRate, draftLength);
}

/**
 * The optimum over real numbers: the solution of gamma + 1 = log_{1/alpha}(1 + (gamma + c)
 * ln(1/alpha)) with c = fixed cost / draft cost. Grows with the logarithm of the round trip.
 *
 * @returns >= 0; 0 if drafting never pays, Infinity if nothing limits it (alpha 1, or free drafts).
 */
export function idealDraftLength(inputs: DraftLengthInputs): number {
  const { acceptanceRate } = inputs;
  const { fixedMs, draftMs } = roundCost(inputs);
  if (acceptanceRate === 0) return 0;
  const decay = -Math.log(acceptanceRate);
  if (decay === 0 || draftMs === 0) return Infinity;
  return solveFixedPoint(decay, fixedMs / draftMs);
}

/**
 * Newton's method on g(gamma) = decay (gamma + 1) - ln(1 + (gamma + c) decay). g is convex, so from
 * a start right of its root the steps approach the root and never cross it. Plain iteration of the
 * fixed point is slow as alpha nears 1: its error shrinks by 1 / (1 + (gamma + c) decay) a step.
 */
function solveFixedPoint(decay: number, costRatio: number): number {
  const excessAt = (length: number): number =>
    decay * (length + 1) - Math.log1p((length + costRatio) * decay);
  if (excessAt(0) >= 0) return 0;
  // e^x >= 1 + x + x^2 / 2 puts this start right of the root; c > 1 here, or drafting would not
  // pay.
  let draftLength = Math.sqrt((2 * (costRatio - 1)) / decay);
  for (let step = 0; step < 64; step++) {
    const slope = decay * (1 - 1 / (1 + (draftLength + costRatio) * decay));
    const next = draftLength - excessAt(draftLength) / slope;
    if (!(next < draftLength)) break;
    draftLength = next;
  }
  return draftLength;
}

/**
 * The best whole draft length of stop-and-wait, in [0, draftLengthMax]. Time per token falls and
 * then rises with the length, so the best is beside the ideal one; of two equal ones the shorter,
 * which wastes less. MATH.md, "Draft length".
 *
 * @param draftLengthMax >= 0.
 * @returns tokens to draft in a round; 0 where drafting does not pay.
 *
 * @example
 * ```ts
 * import { bestDraftLength } from 'pilotfish/math';
 *
 * const times = { draftMs: 8, verifyMs: 30, rowMs: 0, roundTripMs: 20, load: 0 };
 * bestDraftLength({ ...times, acceptanceRate: 0.8 }, 16); // = 4
 * bestDraftLength({ ...times, acceptanceRate: 0 }, 16); // = 0
 * ```
 */
export function bestDraftLength(inputs: DraftLengthInputs, draftLengthMax: number): number {
  const below = Math.min(draftLengthMax, Math.floor(idealDraftLength(inputs)));
  const above = Math.min(draftLengthMax, below + 1);
  return tokenMsAt(inputs, above) < tokenMsAt(inputs, below) ? above : below;
}
