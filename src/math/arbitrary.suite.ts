// Generates random inputs for property tests: rows of logits with everything a model may do wrong,
// laws of both kinds, sampling parameters over their whole ranges.

import fc from 'fast-check';
import { denseLaw, type Law, sparseLaw } from './law.js';
import type { Sampling } from './sampling.js';

/** One logit: ordinary, tied with others, or one of the values that break careless code. */
const logit = fc.oneof(
  { weight: 6, arbitrary: fc.double({ min: -30, max: 30, noNaN: true }) },
  { weight: 3, arbitrary: fc.integer({ min: -3, max: 3 }) },
  { weight: 1, arbitrary: fc.constantFrom(NaN, Infinity, -Infinity, -0, 3.4e38, -3.4e38, 1e-45) },
);

/** [1, 40] logits, at least one above -Infinity. */
export const logitRow = fc
  .array(logit, { minLength: 1, maxLength: 40 })
  .map((values) => Float32Array.from(values))
  .filter((row) => row.some((value) => value > -Infinity));

/** Like logitRow without NaN and infinities. */
export const finiteRow = fc
  .array(fc.double({ min: -30, max: 30, noNaN: true }), { minLength: 1, maxLength: 40 })
  .map((values) => Float32Array.from(values));

const neutral = {
  repetitionPenalty: 1,
  presencePenalty: 0,
  frequencyPenalty: 0,
  logitBias: new Map<number, number>(),
};

/** Temperature and filters over their ranges, each filter often off; penalties off. */
export const filterSampling: fc.Arbitrary<Sampling> = fc.record({
  temperature: fc.oneof(
    fc.constantFrom(0, 1e-6, 0.8, 1, 100),
    fc.double({ min: 0.01, max: 5, noNaN: true }),
  ),
  topK: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 45 })),
  topP: fc.oneof(fc.constant(1), fc.double({ min: 0.01, max: 1, noNaN: true })),
  minP: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 0.99, noNaN: true })),
  repetitionPenalty: fc.constant(neutral.repetitionPenalty),
  presencePenalty: fc.constant(neutral.presencePenalty),
  frequencyPenalty: fc.constant(neutral.frequencyPenalty),
  logitBias: fc.constant(neutral.logitBias),
});

const weight = fc.oneof(
  { weight: 6, arbitrary: fc.double({ min: 0, max: 1, noNaN: true }) },
  { weight: 2, arbitrary: fc.integer({ min: 0, max: 3 }) },
  { weight: 1, arbitrary: fc.constantFrom(5e-324, 1e-310, 1e-20, 1e-9) },
);

/** Laws of one vocabulary, dense or sparse, with zeros, ties and subnormal probabilities. */
export function lawOf(vocabSize: number): fc.Arbitrary<Law> {
  return fc
    .tuple(fc.boolean(), fc.array(weight, { minLength: vocabSize, maxLength: vocabSize }))
    .filter(([, weights]) => weights.some((value) => value > 1e-9))
    .map(([isDense, weights]) => {
      const values = Float64Array.from(weights);
      const ids = Int32Array.from(values.keys());
      return isDense ? denseLaw(values) : sparseLaw(ids, values);
    });
}

/** Like lawOf, for closed forms that divide by probabilities: nothing between 0 and 1e-100. */
export function tameLawOf(vocabSize: number): fc.Arbitrary<Law> {
  return lawOf(vocabSize).filter(({ probs }) => probs.every((prob) => prob === 0 || prob > 1e-100));
}

/** Two laws over one vocabulary of 1 to 12 tokens, of any mix of kinds. */
export const lawPair = fc.integer({ min: 1, max: 12 }).chain((vocabSize) =>
  fc.record({
    vocabSize: fc.constant(vocabSize),
    targetLaw: lawOf(vocabSize),
    draftLaw: lawOf(vocabSize),
  }),
);
