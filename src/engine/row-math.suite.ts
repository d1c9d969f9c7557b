// Tests the contract of RowMath, over each implementation.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PilotfishError } from '../base/error.js';
import { chiSquareFit } from '../math/chi-square.suite.js';
import { TokenHistory } from '../math/history.js';
import { checkLaw, probOf } from '../math/law.js';
import { noiseKey } from '../math/noise.js';
import { plainSampling, type Sampling } from '../math/sampling.js';
import { filterMixes, rowKinds, rowOf } from './row-kinds.suite.js';
import type { RowMath } from './row-math.js';

const key = noiseKey(11n, 'race');

/** Counts of the race's winners over many positions of one loaded row. */
function raceCounts(math: RowMath, sampling: Sampling, rounds: number): Int32Array {
  const counts = new Int32Array(math.vocabSize);
  for (let position = 0; position < rounds; position++) {
    counts[math.coupledToken(sampling, key, position)]!++;
  }
  return counts;
}

export function rowMathContract(name: string, create: (vocabSize: number) => RowMath): void {
  describe(`row math contract: ${name}`, () => {
    it('names the largest logit, the lowest id of equal ones, and takes NaN for -Infinity', () => {
      const math = create(37);
      const row = new Float32Array(37).fill(-1).fill(Number.NaN, 0, 5);
      for (const id of [30, 17, 36]) row[id] = 4;
      math.load(row, plainSampling, null, null);
      assert.equal(math.argmax(), 17);
    });

    it('leaves the row it was given unchanged', () => {
      const math = create(40);
      const row = rowOf('peaked', 40, 1);
      const before = row.slice();
      math.load(row, { ...plainSampling, logitBias: new Map([[3, 5]]) }, null, null);
      math.law(plainSampling);
      math.softmaxProb(0);
      assert.deepEqual(row, before);
    });

    it('answers about the last row only', () => {
      const math = create(300);
      math.load(rowOf('steep', 300, 2), plainSampling, null, null);
      math.law(plainSampling);
      math.load(rowOf('peaked', 300, 3), plainSampling, null, null);
      const fresh = create(300);
      fresh.load(rowOf('peaked', 300, 3), plainSampling, null, null);
      for (const mix of filterMixes) {
        const sampling = { ...plainSampling, ...mix };
        assert.deepEqual(math.law(sampling), fresh.law(sampling));
      }
    });

    it('gives laws that a peer would accept', () => {
      for (const kind of rowKinds) {
        const math = create(333);
        math.load(rowOf(kind, 333, 4), plainSampling, null, null);
        for (const mix of filterMixes) {
          for (const temperature of [0, 1e-6, 0.7, 100]) {
            const law = math.law({ ...plainSampling, ...mix, temperature });
            assert.equal(checkLaw(law, 333), null, `${kind} ${JSON.stringify(mix)} ${temperature}`);
          }
        }
      }
    });

    it('bans a token with a bias of -Infinity and applies penalties before the law', () => {
      const math = create(64);
      const history = new TokenHistory();
      history.push(9, true);
      history.push(9, true);
      const row = new Float32Array(64).fill(1);
      const sampling = {
        ...plainSampling,
        frequencyPenalty: 0.5,
        logitBias: new Map([[0, -Infinity]]),
      };
      math.load(row, sampling, history, null);
      const law = math.law(sampling);
      assert.equal(probOf(law, 0), 0);
      assert.ok(Math.abs(probOf(law, 9) / probOf(law, 10) - Math.exp(-1)) < 1e-12);
      assert.equal(math.argmax(), 1);
    });

    it('refuses a row without a token that can follow', () => {
      const math = create(50);
      math.load(
        new Float32Array(50).fill(Number.NaN).fill(-Infinity, 7),
        plainSampling,
        null,
        null,
      );
      const isRefusal = (error: unknown): boolean =>
        error instanceof PilotfishError && error.code === 'engine-failed';
      const topK = { ...plainSampling, topK: 3 };
      assert.throws(() => math.argmax(), isRefusal);
      assert.throws(() => math.law(plainSampling), isRefusal);
      assert.throws(() => math.law(topK), isRefusal);
      assert.throws(() => math.coupledToken(plainSampling, key, 0), isRefusal);
      assert.throws(() => math.coupledRanking(topK, key, 0, 2), isRefusal);
      assert.throws(() => math.softmaxProb(0), isRefusal);
    });

    it('lets each token win the race with its probability', () => {
      // The seed is fixed: this always passes or always fails. A correct race fails at a fresh seed
      // once in 10^6.
      const math = create(24);
      math.load(rowOf('flat', 24, 5), plainSampling, null, null);
      for (const changes of [{}, { temperature: 0.6 }, { topP: 0.8 }]) {
        const sampling = { ...plainSampling, ...changes };
        const law = math.law(sampling);
        const probs = Array.from({ length: 24 }, (_, id) => probOf(law, id));
        const { pValue } = chiSquareFit(raceCounts(math, sampling, 20_000), probs);
        assert.ok(pValue > 1e-6, `p ${pValue} at ${JSON.stringify(changes)}`);
      }
    });

    it('ranks the race with its winner first, each token once', () => {
      const math = create(90);
      math.load(rowOf('flat', 90, 6), plainSampling, null, null);
      for (const mix of [{}, { topK: 40 }]) {
        const sampling = { ...plainSampling, ...mix };
        const ranking = math.coupledRanking(sampling, key, 8, 12);
        assert.equal(ranking[0], math.coupledToken(sampling, key, 8));
        assert.equal(new Set(ranking).size, 12);
        assert.deepEqual(math.coupledRanking(sampling, key, 8, 5), ranking.slice(0, 5));
      }
    });
  });
}
