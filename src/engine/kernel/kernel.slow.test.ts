// Tests at length that the kernel gives the reference's answers, on large and awkward rows too. The
// short form is kernel.test.ts.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { noiseKey } from '../../math/noise.js';
import { plainSampling } from '../../math/sampling.js';
import { rowKinds, rowOf } from '../row-kinds.suite.js';
import { assertSameAnswers, assertSameOverMixes, load, pairOf } from './kernel-pair.suite.js';

describe('kernel against reference, at length', () => {
  it('agrees for every vocabulary up to 40 tokens and around its block sizes', () => {
    const sizes = [...Array.from({ length: 40 }, (_, index) => index + 1), 127, 128, 129, 383, 385];
    for (const vocabSize of sizes) {
      for (const kind of ['flat', 'ties', 'holes'] as const) {
        assertSameOverMixes(kind, vocabSize, [1]);
      }
    }
  });

  for (const kind of rowKinds) {
    it(`agrees on ${kind} rows of 1 000 tokens with any filter`, () => {
      assertSameOverMixes(kind, 1000, [0.01, 1]);
    });
  }

  it('agrees on rows of 4 096, 32 000 and 151 936 tokens', () => {
    assertSameOverMixes('peaked', 4096, [0.9]);
    for (const vocabSize of [32_000, 151_936]) {
      const pair = pairOf(vocabSize);
      load(pair, rowOf('peaked', vocabSize, 1));
      for (const mix of [{}, { topK: 40 }]) {
        assertSameAnswers(pair, { ...plainSampling, ...mix }, JSON.stringify(mix));
      }
    }
  });

  it('names the same race winner at thousands of seeds and positions', () => {
    for (const [kind, vocabSize, rounds] of [
      ['flat', 1000, 1500],
      ['peaked', 1000, 1500],
      ['ties', 1000, 500],
      ['flat', 32_000, 60],
      ['peaked', 32_000, 60],
    ] as const) {
      const pair = pairOf(vocabSize);
      for (let round = 0; round < rounds; round++) {
        if (round % 100 === 0) load(pair, rowOf(kind, vocabSize, round));
        const sampling = { ...plainSampling, temperature: [1, 0.7, 1.5, 0.2, 10][round % 5]! };
        const roundKey = noiseKey(BigInt(round) << 20n, 'race');
        // Up to 2^32.
        const position = round * 2_863_311;
        assert.equal(
          pair.kernel.coupledToken(sampling, roundKey, position),
          pair.reference.coupledToken(sampling, roundKey, position),
          `${kind} ${vocabSize} round ${round}`,
        );
      }
    }
  });
});
