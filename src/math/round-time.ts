// Models the milliseconds per token of streaming, stop-and-wait, pipeline and race for one session.
// Not measurements: drafts are accepted independently with one probability, and a pass takes the
// same time for one row as for a few. Derivations: MATH.md, "Time per token".

import { assert } from '../base/assert.js';
import { expectedTokens } from './expected-tokens.js';

/** All in milliseconds, >= 0. */
export interface RoundTimes {
  /** Drafting one token. */
  readonly draftMs: number;
  /** One pass of the target over the rows of a round, including its wait in the queue. */
  readonly verifyMs: number;
  /** Message up and verdict down, including serialisation on the link. */
  readonly roundTripMs: number;
}

/** The shape of a round: the acceptance rate alpha, in [0, 1], and the draft length gamma, >= 0. */
export interface RoundShape {
  readonly acceptanceRate: number;
  readonly draftLength: number;
}

/**
 * Stop-and-wait: (gamma * draft + round trip + verify) / E. DSSD, arXiv 2507.12000, has it as a
 * speed-up.
 *
 * @returns milliseconds per token.
 *
 * @example
 * ```ts
 * import { stopAndWaitTokenMs } from 'pilotfish/math';
 *
 * const times = { draftMs: 8, verifyMs: 30, roundTripMs: 20 };
 * stopAndWaitTokenMs(times, { acceptanceRate: 0.5, draftLength: 1 }); // = 58 / 1.5
 * ```
 */
export function stopAndWaitTokenMs(times: RoundTimes, shape: RoundShape): number {
  const { draftMs, verifyMs, roundTripMs } = times;
  const { acceptanceRate, draftLength } = shape;
  const roundMs = draftLength * draftMs + roundTripMs + verifyMs;
  return roundMs / expectedTokens(acceptanceRate, draftLength);
}

/**
 * Lower bound of a pipeline with one chain: draft + (1 - alpha) * (round trip + verify). Between
 * two rejections the device drafts 1 / (1 - alpha) tokens, then it must learn the correction before
 * it can go on.
 *
 * @param acceptanceRate alpha, in [0, 1].
 * @returns milliseconds per token.
 *
 * @example
 * ```ts
 * import { pipelineTokenMsMin } from 'pilotfish/math';
 *
 * pipelineTokenMsMin({ draftMs: 8, verifyMs: 30, roundTripMs: 20 }, 0.8); // = 18
 * ```
 */
export function pipelineTokenMsMin(times: RoundTimes, acceptanceRate: number): number {
  return times.draftMs + (1 - acceptanceRate) * (times.roundTripMs + times.verifyMs);
}

/**
 * Lower bound of race with one chain, never above streaming. After a mismatch the server steps on
 * alone; the n-th draft of the new chain arrives after round trip + n * draft. The next mismatch
 * comes after H accepted tokens, H geometric, and costs min(H * verify, round trip + H * draft) +
 * verify. The expectation has a closed form: MATH.md, "Time per token".
 *
 * @param times verifyMs is the time of one pass, for a step and for a verification.
 * @param acceptanceRate alpha, in [0, 1].
 * @returns milliseconds per token, at most verifyMs.
 *
 * @example
 * ```ts
 * import { raceTokenMsMin } from 'pilotfish/math';
 *
 * raceTokenMsMin({ draftMs: 33, verifyMs: 30, roundTripMs: 20 }, 0.8); // = 30
 * raceTokenMsMin({ draftMs: 8, verifyMs: 30, roundTripMs: 0 }, 0.5); // = 19
 * ```
 */
export function raceTokenMsMin(times: RoundTimes, acceptanceRate: number): number {
  const { draftMs, verifyMs, roundTripMs } = times;
  assert(acceptanceRate >= 0 && acceptanceRate <= 1, `alpha ${acceptanceRate} is outside [0, 1]`);
  // Time that each accepted draft recovers of the round trip. A drafter slower than the target
  // recovers none.
  const gainMs = verifyMs - draftMs;
  if (gainMs <= 0) return verifyMs;
  const lostTokens = Math.min(Math.floor(roundTripMs / gainMs), Number.MAX_SAFE_INTEGER);
  const restMs = roundTripMs % gainMs;
  const savedMs = gainMs - (1 - acceptanceRate) * restMs;
  return verifyMs - acceptanceRate ** (lostTokens + 1) * savedMs;
}

/**
 * The round-trip time at which stop-and-wait is as fast as streaming: E * target - verify - gamma *
 * draft.
 *
 * @param times verifyMs is a pass over gamma + 1 rows.
 * @param targetMs a pass over one row.
 * @returns milliseconds; below 0: never faster.
 *
 * @example
 * ```ts
 * import { breakEvenRoundTripMs } from 'pilotfish/math';
 *
 * const shape = { acceptanceRate: 1, draftLength: 4 };
 * breakEvenRoundTripMs({ draftMs: 5, verifyMs: 40 }, 30, shape); // = 90
 * ```
 */
export function breakEvenRoundTripMs(
  times: Pick<RoundTimes, 'draftMs' | 'verifyMs'>,
  targetMs: number,
  shape: RoundShape,
): number {
  const { acceptanceRate, draftLength } = shape;
  const tokens = expectedTokens(acceptanceRate, draftLength);
  return tokens * targetMs - times.verifyMs - draftLength * times.draftMs;
}
