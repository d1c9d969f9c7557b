// Verifies drafts by scheme `coupled`: draft and target run the same exponential race with shared
// noise. They mostly pick the same token, and the text depends on the seed alone. Source: Daliri,
// Musco, Suresh 2024, arXiv 2408.07978, section 3; the race is the Gumbel-max trick in the positive
// domain. Never uses the draft law.

import { assert } from '../base/assert.js';
import { largestFirst } from './largest-first.js';
import { type Law, probLookup } from './law.js';
import { type Logits, weightsOf } from './logits.js';
import { exponential, type NoiseKey } from './noise.js';
import { acceptWhileEqual, testsAll, type Verification } from './verification.js';

/**
 * Standard exponential variate of a token, in (0, Infinity). The same function for draft and
 * target.
 */
export type Variate = (token: number) => number;

/**
 * Winner of a race: the token with the smallest variate / probability; of equal ones the lowest id.
 * A token of probability 0 never wins. With independent exponential variates it wins with exactly
 * its probability.
 */
export function raceWinner(law: Law, variate: Variate): number {
  return law.kind === 'sparse' ? race(law.ids, law.probs, variate) : race(null, law.probs, variate);
}

/**
 * @param ids [n] tokens of the weights; null where the index is the token.
 * @param weights [n] proportional to the law. A common factor does not change the winner.
 */
function race(ids: Int32Array | null, weights: Float64Array, variate: Variate): number {
  let winner = -1;
  let best = Infinity;
  for (let index = 0; index < weights.length; index++) {
    if (weights[index] === 0) continue;
    const id = ids ? ids[index]! : index;
    const score = variate(id) / weights[index]!;
    // A sparse law is not in order of id, so ties are broken here.
    if (score < best || (score === best && id < winner)) {
      best = score;
      winner = id;
    }
  }
  assert(winner >= 0, `race of ${weights.length} tokens has no winner`);
  return winner;
}

/**
 * The token at `position` under `law`: the same for every caller with the same key, position and
 * law. Draft and target that share a key mostly pick the same one. Daliri, Musco, Suresh 2024,
 * arXiv 2408.07978, section 3.
 *
 * @param key of stream `race`.
 * @param position absolute position of the token in its sequence, in [0, 2^32).
 * @returns the token with the smallest exponential variate / probability: each with exactly its
 *   probability.
 *
 * @example
 * ```ts
 * import { coupledToken, denseLaw, noiseKey } from 'pilotfish/math';
 *
 * const key = noiseKey(1234n, 'race');
 * const draft = denseLaw(Float64Array.of(0.5, 0.3, 0.2));
 * const target = denseLaw(Float64Array.of(0.4, 0.4, 0.2));
 * coupledToken(draft, key, 17) === coupledToken(target, key, 17); // = true
 * ```
 */
export function coupledToken(law: Law, key: NoiseKey, position: number): number {
  return raceWinner(law, (token) => exponential(key, position, token));
}

/**
 * `coupledToken` of an unfiltered row without building its law: the token with the smallest variate
 * / weight.
 *
 * @param logits [vocab] after penalties and bias.
 * @param temperature > 0.
 * @throws PilotfishError `engine-failed` when no logit is above -Infinity.
 */
export function coupledTokenFromLogits(
  logits: Logits,
  temperature: number,
  key: NoiseKey,
  position: number,
): number {
  return race(null, weightsOf(logits, temperature), (token) => exponential(key, position, token));
}

/**
 * The first `count` tokens of the race, winner first. Run under a draft law, the runners-up predict
 * the target's token when it is not the winner.
 *
 * @returns at most `count` tokens, owned by the caller; fewer when fewer have a probability above
 *   0. Leaves out tokens so unlikely that variate / probability overflows.
 */
export function coupledRanking(
  law: Law,
  key: NoiseKey,
  position: number,
  count: number,
): Int32Array {
  const ids = law.kind === 'sparse' ? law.ids.toSorted() : Int32Array.from(law.probs.keys());
  const probAt = probLookup(law);
  const speeds = Float64Array.from(ids, (id) => -exponential(key, position, id) / probAt(id));
  return largestFirst(speeds, count, -Infinity).map((index) => ids[index]!);
}

/**
 * Verifies drafts that were won under the same key.
 *
 * @param targetTokenAt `coupledToken` of the target law at row 0 .. draftCount; called in order, up
 *   to the first difference.
 * @param drafts [draftCount] ids.
 * @param mayTest see MayTest; default: every draft is tested.
 * @returns every token is the target's own, so the text depends on the seed and not on the drafts.
 *
 * @example
 * ```ts
 * import { coupledToken, denseLaw, noiseKey, verifyCoupled } from 'pilotfish/math';
 *
 * const key = noiseKey(1234n, 'race');
 * const laws = [denseLaw(Float64Array.of(0.4, 0.6)), denseLaw(Float64Array.of(0.9, 0.1))];
 * const own = laws.map((law, row) => coupledToken(law, key, 17 + row));
 * const { acceptedCount, final } = verifyCoupled((row) => own[row]!, Int32Array.of(own[0]!));
 * acceptedCount; // = 1
 * final; // = { kind: 'bonus', token: own[1]! }
 * ```
 */
export function verifyCoupled(
  targetTokenAt: (row: number) => number,
  drafts: Int32Array,
  mayTest = testsAll,
): Verification {
  return acceptWhileEqual(targetTokenAt, drafts, mayTest);
}
