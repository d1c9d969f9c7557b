// What an engine does with one row of logits: find the largest, run the race, make the law. The reference computes it
// with src/math; the WebAssembly kernel (kernel/) must name the same tokens.

import { coupledToken } from '../math/coupled.js';
import type { TokenHistory } from '../math/history.js';
import type { Law } from '../math/law.js';
import { lawFromLogits } from '../math/law-pipeline.js';
import { argmax, weightsOf } from '../math/logits.js';
import type { NoiseKey } from '../math/noise.js';
import { applyPenalties } from '../math/penalty.js';
import type { Sampling } from '../math/sampling.js';
import { sumOf } from '../math/sum.js';

/** Works on one row at a time: `load` sets it, the other methods speak of it. */
export interface RowMath {
  /** Which implementation this is, for humans: 'reference' or 'wasm-simd'. */
  readonly implementation: string;

  /**
   * Takes a private copy of a row and applies penalties and bias to it.
   *
   * @param logits [vocab], read only.
   * @param history null when no penalty is on.
   */
  load(logits: Float32Array, sampling: Sampling, history: TokenHistory | null): void;

  /** Token of the largest logit; of equal ones the lowest id. */
  argmax(): number;

  /** Winner of the shared race under the row's law; see math/coupled.ts. */
  coupledToken(sampling: Sampling, key: NoiseKey, position: number): number;

  /** The row's law, owned by the caller. */
  law(sampling: Sampling): Law;

  /** Softmax probability of a token at temperature 1 before any filter, in [0, 1]. */
  softmaxProb(token: number): number;
}

/** @param vocabSize every row has this many logits. */
export function referenceRowMath(vocabSize: number): RowMath {
  const row = new Float32Array(vocabSize);
  return {
    implementation: 'reference',
    load(logits, sampling, history) {
      row.set(logits);
      applyPenalties(row, sampling, history);
    },
    argmax: () => argmax(row),
    coupledToken: (sampling, key, position) =>
      coupledToken(lawFromLogits(row, sampling), key, position),
    law: (sampling) => lawFromLogits(row, sampling),
    softmaxProb(token) {
      const weights = weightsOf(row, 1);
      return weights[token]! / sumOf(weights);
    },
  };
}
