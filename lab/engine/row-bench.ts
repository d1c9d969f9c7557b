// Times judging one row, by scheme: the SIMD kernel against the float64 reference, on the same
// random rows. A row's work is loading it and what the scheme then asks.

import { createKernel } from '../../src/engine/kernel/kernel.js';
import { type RowMath, referenceRowMath } from '../../src/engine/row-math.js';
import { agreementToken } from '../../src/math/agreement.js';
import { keyedChance } from '../../src/math/chance.js';
import { type Law, pointLaw, probOf } from '../../src/math/law.js';
import { type NoiseKey, noiseKey, uniform } from '../../src/math/noise.js';
import { residual } from '../../src/math/residual.js';
import { plainSampling, type Sampling } from '../../src/math/sampling.js';
import { inTurn, measurePaired, type OnRow } from '../paired.js';

const vocabSizes = [4096, 32_000, 151_936];
/** Standard deviation of normal logits. */
const spreads = { flat: 1, peaked: 4 };
const rowsPerTurn = 4;
const turns = 12;
/** Tokens to go through before timing, so that the kernel runs as optimised code. */
const warmUpTokens = 4_000_000;

const unfiltered: Sampling = { ...plainSampling, temperature: 0.8 };
const filters = {
  'top-k 40': { ...unfiltered, topK: 40 },
  'no filter': unfiltered,
  'top-p 0.95': { ...unfiltered, topP: 0.95 },
  'min-p 0.05': { ...unfiltered, minP: 0.05 },
};

const [race, accept, target] = (['race', 'accept', 'target'] as const).map((stream) =>
  noiseKey(1n, stream),
) as [NoiseKey, NoiseKey, NoiseKey];
const draftLaw: Law = pointLaw(1);

type Ask = (math: RowMath, position: number) => unknown;
const drawn = (law: Law, position: number): number =>
  agreementToken(law, keyedChance(accept, target, position));

/** What each scheme asks of a loaded row; `position` differs from row to row. */
const schemes: Record<string, Ask> = {
  greedy: (math) => math.argmax(),
  ...Object.fromEntries(
    Object.entries(filters).map(([name, sampling]): [string, Ask] => [
      `coupled, ${name}`,
      (math, position) => math.coupledToken(sampling, race, position),
    ]),
  ),
  'agreement, top-k 40': (math, position) => drawn(math.law(filters['top-k 40']), position),
  'agreement, no filter': (math, position) => drawn(math.law(unfiltered), position),
  'split, no filter': (math) => probOf(math.law(unfiltered), 1),
  'full, no filter, rejected': (math) => residual(math.law(unfiltered), draftLaw),
  confidence: (math) => math.softmaxProb(1),
};

/** Every scheme, vocabulary and kind of row. About a minute. */
export async function benchRows(onRow: OnRow) {
  const rows = await inTurn(vocabSizes, async (vocabulary) => {
    const kernels = [createKernel(vocabulary), referenceRowMath(vocabulary)] as const;
    return inTurn(['flat', 'peaked'] as const, (kind) => {
      const logits = Array.from({ length: rowsPerTurn }, (_, seed) =>
        rowOf(spreads[kind], vocabulary, seed),
      );
      const benchScheme = async (scheme: string) => ({
        ...{ scheme, vocabulary, rows: kind },
        ...(await timeScheme(...kernels, logits, schemes[scheme]!)),
      });
      return inTurn(Object.keys(schemes), benchScheme, onRow);
    });
  });
  return rows.flat(2);
}

/** Median nanoseconds a row, and how many times faster the kernel is. */
async function timeScheme(
  kernel: RowMath,
  reference: RowMath,
  rows: readonly Float32Array[],
  ask: Ask,
) {
  let position = 0;
  const judge = (math: RowMath): void => {
    for (const row of rows) {
      math.load(row, unfiltered, null, null);
      ask(math, position++);
    }
  };
  const warmUpTurns = Math.ceil(warmUpTokens / (kernel.vocabSize * rows.length));
  for (let turn = 0; turn < warmUpTurns; turn++) judge(kernel);
  const paired = await measurePaired({
    baseline: () => judge(reference),
    subject: () => judge(kernel),
    turns,
  });
  const nsPerRow = (ms: number): number => (ms * 1e6) / rows.length;
  const [kernelNs, referenceNs] = [paired.subjectMs, paired.baselineMs].map(nsPerRow);
  return { kernelNs: kernelNs!, referenceNs: referenceNs!, ratio: paired.ratio };
}

/** [vocabSize] normal logits, a function of the seed. */
function rowOf(spread: number, vocabSize: number, seed: number): Float32Array {
  const key = noiseKey(BigInt(seed), 'draft');
  return Float32Array.from({ length: vocabSize }, (_, id) => {
    const radius = Math.sqrt(-2 * Math.log(uniform(key, 0, id)));
    return spread * radius * Math.cos(2 * Math.PI * uniform(key, 1, id));
  });
}
