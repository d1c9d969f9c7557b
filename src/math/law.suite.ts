// Reads laws in ways that only tests need.

import { assert } from '../base/assert.js';
import { type DenseLaw, type Law, tokenAt } from './law.js';

/** How many tokens have a probability above 0. */
export function supportSize(law: Law): number {
  if (law.kind === 'sparse') return law.ids.length;
  return law.probs.reduce((count, prob) => (prob > 0 ? count + 1 : count), 0);
}

/**
 * @returns a dense law with its own probabilities [vocab].
 * @param vocabSize above every id of the law.
 */
export function toDense(law: Law, vocabSize: number): DenseLaw {
  const probs = new Float64Array(vocabSize);
  law.probs.forEach((prob, index) => {
    const id = tokenAt(law, index);
    assert(id < vocabSize, `token ${id} is outside [0, ${vocabSize})`);
    probs[id] = prob;
  });
  return { kind: 'dense', probs };
}
