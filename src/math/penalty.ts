// Applies penalties and logit bias: which logits of a row change, and to what value. Touches only
// tokens that were seen or biased, so a kernel with a copy of the row applies the same list.
// Repetition penalty: Keskar et al. 2019, arXiv 1909.05858, section 4.1, with the sign fix that all
// engines share; the other two: the OpenAI API reference.

import { assert } from '../base/assert.js';
import type { TokenCounts } from './history.js';
import type { Logits } from './logits.js';
import type { Sampling } from './sampling.js';

/** New values of single logits. */
export interface LogitChanges {
  /** [n], distinct. */
  readonly ids: Int32Array;
  /** [n], each rounded to float32: a changed row is a row of float32 like any other. */
  readonly logits: Float32Array;
}

/**
 * The changes by penalties and bias: repetition penalty for every token seen, presence and
 * frequency penalty for tokens of the output, then the bias. Computed in float64, rounded once at
 * the end.
 *
 * @param logits [vocab], not changed.
 * @param history null when no penalty is on (`usesHistory`); its tokens must lie in the vocabulary.
 */
export function penaltyChanges(
  logits: Logits,
  sampling: Sampling,
  history: TokenCounts | null,
): LogitChanges {
  if (history === null) return biasChanges(logits, sampling.logitBias);
  const changed = new Map<number, number>();
  for (const id of history.tokens) {
    assert(id >= 0 && id < logits.length, `seen token ${id} is outside [0, ${logits.length})`);
    changed.set(id, penalised(logits[id]!, sampling, history.outputCount(id)));
  }
  for (const [id, bias] of sampling.logitBias) {
    changed.set(id, biased(changed.get(id) ?? logitOf(logits, id), bias));
  }
  return { ids: Int32Array.from(changed.keys()), logits: Float32Array.from(changed.values()) };
}

/** The common case: no penalty is on, so no count is looked up. */
function biasChanges(logits: Logits, logitBias: Sampling['logitBias']): LogitChanges {
  const ids = new Int32Array(logitBias.size);
  const changed = new Float32Array(logitBias.size);
  let index = 0;
  for (const [id, bias] of logitBias) {
    ids[index] = id;
    changed[index++] = biased(logitOf(logits, id), bias);
  }
  return { ids, logits: changed };
}

function logitOf(logits: Logits, id: number): number {
  assert(id >= 0 && id < logits.length, `biased token ${id} is outside [0, ${logits.length})`);
  return logits[id]!;
}

/** Set, not added: a banned token stays banned even if its logit is +Infinity. */
const biased = (logit: number, bias: number): number => (bias === -Infinity ? bias : logit + bias);

/** One logit of a seen token after repetition, presence and frequency penalty. */
function penalised(logit: number, sampling: Sampling, outputCount: number): number {
  const { repetitionPenalty, presencePenalty, frequencyPenalty } = sampling;
  // Dividing a negative logit would make the token likelier.
  const repeated = logit > 0 ? logit / repetitionPenalty : logit * repetitionPenalty;
  return repeated - (outputCount > 0 ? presencePenalty : 0) - outputCount * frequencyPenalty;
}

/** Writes changes into a row. @param logits [vocab], changed in place. */
export function applyChanges(logits: Logits, { ids, logits: values }: LogitChanges): void {
  for (let index = 0; index < ids.length; index++) logits[ids[index]!] = values[index]!;
}

/**
 * Writes penalties and bias into a row: repetition penalty for every token seen, presence and
 * frequency penalty for tokens of the output, then the bias. Repetition: Keskar et al. 2019, arXiv
 * 1909.05858, section 4.1, with the sign fix that all engines share; the other two: the OpenAI API
 * reference.
 *
 * @param logits [vocab], changed in place; changed entries are rounded to float32.
 * @param history null when no penalty is on; its tokens must lie in the vocabulary.
 *
 * @example
 * ```ts
 * import { applyPenalties, plainSampling, TokenHistory } from 'pilotfish/math';
 *
 * const history = new TokenHistory();
 * history.push(1, true);
 * const logits = Float32Array.of(1, 1, -1);
 * applyPenalties(logits, { ...plainSampling, presencePenalty: 0.5 }, history);
 * logits; // = [1, 0.5, -1]
 * ```
 */
export function applyPenalties(
  logits: Logits,
  sampling: Sampling,
  history: TokenCounts | null,
): void {
  applyChanges(logits, penaltyChanges(logits, sampling, history));
}
